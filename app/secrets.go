package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// secretsEnv names a secret in AWS Secrets Manager that has variables of the environment.
const secretsEnv = EnvPrefix + "_SECRETS_ARN"

// secretsTime is how long AWS Secrets Manager may take. Lambda gives a start ten seconds.
const secretsTime = 5 * time.Second

// ReadSecrets sets the variables of the environment that the secret has which EVENT_GATEWAY_SECRETS_ARN names. Those that are set already stay
// as they are. An error is meant for the person who set up the Lambda, and has nothing of the secret but names.
func ReadSecrets(ctx context.Context) error {
	name := strings.TrimSpace(os.Getenv(secretsEnv))
	if name == "" {
		return nil
	}
	text, err := readSecretText(ctx, name)
	var variables map[string]string
	if err == nil {
		variables, err = secretVariables(text)
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if err == nil && os.Getenv(name) == "" {
			err = os.Setenv(name, variables[name])
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", secretsEnv, err)
	}
	return nil
}

// readSecretText returns the current text of a secret.
func readSecretText(ctx context.Context, name string) (string, error) {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "secretsmanager" || a.Region == "" { // what it is instead may be a secret
		return "", errors.New("it is no ARN of a secret, such as arn:aws:secretsmanager:us-east-1:123456789012:secret:NAME-AbCdEf")
	}
	ctx, cancel := context.WithTimeout(ctx, secretsTime)
	defer cancel()
	quickly := func() aws.Retryer { return retry.AddWithMaxBackoffDelay(retry.NewStandard(), 300*time.Millisecond) } // all tries have to fit
	c, err := config.LoadDefaultConfig(ctx, config.WithRegion(a.Region), config.WithLogger(logging.Nop{}), config.WithRetryer(quickly))
	if err != nil {
		return "", fmt.Errorf("the AWS settings of the Lambda cannot be read: %w", err)
	}
	out, err := secretsmanager.NewFromConfig(c).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("AWS Secrets Manager did not answer within %v", secretsTime)
	case err != nil:
		return "", secretError(err)
	case out.SecretString == nil:
		return "", errors.New("the secret has bytes, and no text")
	}
	return aws.ToString(out.SecretString), nil
}

// secretError says why a secret could not be read. What AWS says beside its code is left out: it can have the session token in it.
func secretError(err error) error {
	var refused smithy.APIError
	if !errors.As(err, &refused) {
		return fmt.Errorf("the secret cannot be read: %s", strings.Join(strings.Fields(err.Error()), " "))
	}
	switch code := refused.ErrorCode(); code {
	case "ResourceNotFoundException":
		return errors.New("there is no such secret, or it has no value")
	case "AccessDeniedException":
		return errors.New("the role of the Lambda may not read the secret: it needs secretsmanager:GetSecretValue, and kms:Decrypt if the secret has a key of its own")
	default:
		return fmt.Errorf("AWS Secrets Manager refused to give out the secret: %.100q", code)
	}
}

// secretVariables returns the variables of a secret's text. What the JSON reader has to say against it may have values in it, so that is left out.
func secretVariables(text string) (map[string]string, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal([]byte(text), &members); err != nil || members == nil {
		return nil, fmt.Errorf(`the secret is no JSON object of variables, each once, such as {"%s":"…"}`, storePasswordEnv)
	}
	variables := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		rest, ours := strings.CutPrefix(name, EnvPrefix+"_")
		if !ours || rest == "" || strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
			return nil, fmt.Errorf("the secret has the name %.60q: the names in it begin with %s_, and have capitals, digits and _", name, EnvPrefix)
		}
		var value string
		if members[name].Kind() != '"' || json.Unmarshal(members[name], &value) != nil || strings.ContainsRune(value, 0) {
			return nil, fmt.Errorf("the value of %.60q in the secret is no string that a variable can have", name)
		}
		variables[name] = value
	}
	return variables, nil
}
