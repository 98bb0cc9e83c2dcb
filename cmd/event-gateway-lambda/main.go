// Command event-gateway-lambda runs the gateway as an AWS Lambda behind API Gateway, a Function URL or an Application Load Balancer.
package main

import (
	"context"
	"fmt"
	stdlog "log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/event-gateway/event-gateway/app"
)

func main() {
	if err := app.ReadSecrets(context.Background()); err != nil {
		exit(err)
	}
	o, err := app.ParseLambdaOptions()
	if err != nil {
		exit(err)
	}
	stdlog.SetOutput(app.WithoutAnswers(os.Stderr))
	log, err := app.NewLogger(o, os.Stderr)
	if err != nil {
		exit(err)
	}
	h, err := app.NewLambda(o, log)
	if err != nil {
		exit(err)
	}
	lambda.Start(h)
}

// exit ends a Lambda that cannot start, for a reason that its log then shows.
func exit(err error) {
	fmt.Fprintln(os.Stderr, "event-gateway:", err)
	os.Exit(2)
}
