package invoke

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/event-gateway/event-gateway/store"
)

// awsType returns a type whose functions have some fields of their own, a region and credentials.
func awsType(name, title string, own []store.Field, lent Credentials, check func(store.Provider) error) store.FunctionType {
	fields := append(own[:1:1],
		store.Field{Name: "region", Required: true},
		store.Field{Name: "awsAccessKeyId", Secret: true},
		store.Field{Name: "awsSecretAccessKey", Secret: true},
		store.Field{Name: "awsSessionToken", Secret: true},
		store.Field{Name: "roleArn"},
		store.Field{Name: "externalId"},
		store.Field{Name: "endpoint", Address: true},
	)
	return store.FunctionType{
		Name: name, Title: title, Fields: append(fields, own[1:]...),
		Check: func(p store.Provider) error {
			for _, problem := range []func(store.Provider) error{checkAWS, lent.checkAWS, check} {
				if err := problem(p); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func unchecked(store.Provider) error { return nil }

func ownKeys(p store.Provider) bool { return p.Text("awsAccessKeyId") != "" }

// checkAWS looks at what functions on AWS have in common.
func checkAWS(p store.Provider) error {
	// The SDK makes a host name of the region and sends credentials there.
	r := p.Text("region")
	if ok, err := regexp.MatchString(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`, r); !ok || err != nil {
		return errors.New("provider.region is not the name of an AWS region, such as us-east-1")
	}
	if arn := strings.Split(p.Text("arn"), ":"); len(arn) > 3 && arn[0] == "arn" && arn[3] != r {
		return fmt.Errorf("provider.region is %s, but provider.arn is in %.40q: they must be the same", r, arn[3])
	}
	if secret := p.Text("awsSecretAccessKey") != ""; ownKeys(p) != secret || p.Text("awsSessionToken") != "" && !secret {
		return errors.New("provider.awsAccessKeyId and provider.awsSecretAccessKey must both be there or neither, and provider.awsSessionToken only with them")
	}
	if err := checkRole(p); err != nil {
		return err
	}
	return checkEndpoint(p)
}

func checkRole(p store.Provider) error {
	role, external := p.Text("roleArn"), p.Text("externalId")
	switch {
	case external != "" && role == "":
		return errors.New("provider.externalId is for provider.roleArn, which is not there")
	case len(external) > 1000 || !hasOnly(external, "+=,.@:/-_"): // STS allows a few more, and a space may come before
		return errors.New("provider.externalId has letters, digits and any of +=,.@:/-_, at most 1000")
	case role == "":
		return nil
	}
	arn := strings.SplitN(role, ":", 6)
	if len(arn) < 6 || len(role) > 640 || arn[0] != "arn" || arn[2] != "iam" || arn[3] != "" || len(arn[4]) != 12 || strings.Trim(arn[4], "0123456789") != "" ||
		!strings.HasPrefix(arn[5], "role/") || strings.HasSuffix(arn[5], "/") || !hasOnly(arn[5], "+=,.@/-_") {
		return errors.New("provider.roleArn is not the ARN of a role, such as arn:aws:iam::123456789012:role/name")
	}
	if want := partition(p.Text("region")); arn[1] != want {
		return fmt.Errorf("provider.roleArn is in the partition %.20q, but provider.region in %q: they must be the same", arn[1], want)
	}
	return nil
}

// partition returns which of AWS's clouds a region is in.
func partition(region string) string {
	for _, p := range [...][2]string{
		{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"us-iso-", "aws-iso"}, {"us-isob-", "aws-iso-b"}, {"eu-isoe-", "aws-iso-e"}, {"us-isof-", "aws-iso-f"}, {"eusc-", "aws-eusc"},
	} {
		if strings.HasPrefix(region, p[0]) {
			return p[1]
		}
	}
	return "aws"
}

// checkEndpoint looks at an address that a user names. The gateway signs nothing for it with credentials of its own.
func checkEndpoint(p store.Provider) error {
	endpoint := p.Text("endpoint")
	if endpoint == "" {
		return nil
	}
	switch u, err := url.Parse(endpoint); {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("provider.endpoint must be an absolute URL that begins with http:// or https://, without a query")
	case !validPort(u.Port()):
		return errors.New("provider.endpoint has a port that is none: it is a number up to 65535")
	case u.User != nil:
		return errors.New("provider.endpoint must not contain a user or a password: it is shown to everybody who may read the configuration")
	case !ownKeys(p) && p.Text("roleArn") == "":
		return errors.New("provider.endpoint needs provider.awsAccessKeyId and provider.awsSecretAccessKey, or provider.roleArn: what is signed with the gateway's own AWS credentials goes to AWS only")
	}
	return nil
}

// checkStream looks at a setting that names a stream.
func checkStream(p store.Provider, setting string, longest int) error {
	if name := p.Text(setting); len(name) > longest || !hasOnly(name, "_.-") {
		return fmt.Errorf("provider.%s is the name of a stream, no ARN: it has letters, digits and any of _.-, at most %d", setting, longest)
	}
	return nil
}

// checkAttribute looks at a setting that names an attribute of events.
func checkAttribute(p store.Provider, setting string) error {
	name := p.Text(setting)
	if len(name) > 100 || !hasOnly(name, "") || name != strings.ToLower(name) || name == "data" {
		return fmt.Errorf("provider.%s is the name of an attribute of events, such as subject: it has lower-case letters and digits", setting)
	}
	return nil
}
