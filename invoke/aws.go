package invoke

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/event-gateway/event-gateway/store"
)

// The AWS types can be registered; what calls them comes with a later release.

func awsLambdaType() store.FunctionType {
	return awsType("awslambda", "AWS Lambda function", "arn")
}

func awsKinesisType() store.FunctionType {
	return awsType("awskinesis", "AWS Kinesis function", "streamName")
}

func awsFirehoseType() store.FunctionType {
	return awsType("awsfirehose", "AWS Firehose function", "deliveryStreamName")
}

func awsSQSType() store.FunctionType {
	return awsType("awssqs", "AWS SQS function", "queueUrl")
}

// awsType returns a type whose functions have one field of their own, a region and credentials.
func awsType(name, title, field string) store.FunctionType {
	region := regexp.MustCompile(`^[a-z]{2,3}(-[a-z]+)+-[0-9]{1,2}$`)
	return store.FunctionType{
		Name: name, Title: title,
		Fields: []store.Field{
			{Name: field, Required: true},
			{Name: "region", Required: true},
			{Name: "awsAccessKeyId", Secret: true},
			{Name: "awsSecretAccessKey", Secret: true},
			{Name: "awsSessionToken", Secret: true},
		},
		// The SDK makes a host name of the region and sends credentials there.
		Check: func(p store.Provider) error {
			r := p.Text("region")
			if !region.MatchString(r) {
				return errors.New("provider.region is not the name of an AWS region, such as us-east-1")
			}
			if arn := strings.Split(p.Text("arn"), ":"); len(arn) > 3 && arn[0] == "arn" && arn[3] != r {
				return fmt.Errorf("provider.region is %s, but provider.arn is in %.40q: they must be the same", r, arn[3])
			}
			return nil
		},
	}
}
