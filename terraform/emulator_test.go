package terraform_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const (
	region  = "eu-west-1"
	account = "123456789012" // the emulator's
)

// emulator is AWS's emulator, and clients of it that may do all.
type emulator struct {
	t   *testing.T
	url string
	aws aws.Config
}

func newEmulator(t *testing.T, endpoint string) *emulator {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &emulator{t, endpoint, aws.Config{
		Region: region, BaseEndpoint: &endpoint, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("operator", "operator", ""),
	}}
}

func (e *emulator) lambda() *lambda.Client     { return lambda.NewFromConfig(e.aws) }
func (e *emulator) sqs() *sqs.Client           { return sqs.NewFromConfig(e.aws) }
func (e *emulator) dynamodb() *dynamodb.Client { return dynamodb.NewFromConfig(e.aws) }

// ask makes a call of a service that there is no client for here. The emulator looks only at the names in the signature.
func (e *emulator) ask(service, method, path string, header http.Header, body string) []byte {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), method, e.url+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=operator/20260101/"+region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=none")
	response, err := e.aws.HTTPClient.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		e.t.Fatalf("%s %s %s: %s %s %v", service, method, path, response.Status, answer, err)
	}
	return answer
}

// query makes a call of one of AWS's older services.
func (e *emulator) query(service, version, action string, parameters url.Values) []byte {
	e.t.Helper()
	form := url.Values{"Action": {action}, "Version": {version}}
	for name, values := range parameters {
		form[name] = values
	}
	return e.ask(service, "POST", "/", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form.Encode())
}

// policy returns the policy of a role, which must be its only one.
func (e *emulator) policy(role string) string {
	e.t.Helper()
	names := texts(e.query("iam", "2010-05-08", "ListRolePolicies", url.Values{"RoleName": {role}}), "member")
	attached := texts(e.query("iam", "2010-05-08", "ListAttachedRolePolicies", url.Values{"RoleName": {role}}), "PolicyArn")
	if len(names) != 1 || len(attached) != 0 {
		e.t.Fatalf("the role %s has the policies %v and %v, it should have one of its own", role, names, attached)
	}
	document := texts(e.query("iam", "2010-05-08", "GetRolePolicy", url.Values{"RoleName": {role}, "PolicyName": {names[0]}}), "PolicyDocument")
	text, err := url.QueryUnescape(document[0])
	if err != nil {
		e.t.Fatal(err)
	}
	return text
}

// assume returns credentials of a role, as Lambda gives them to a function's processes.
func (e *emulator) assume(arn string) aws.Credentials {
	e.t.Helper()
	out, err := sts.NewFromConfig(e.aws).AssumeRole(e.t.Context(), &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("function")})
	if err != nil {
		e.t.Fatal(err)
	}
	return aws.Credentials{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken}
}

// left returns what there is of the module's resources, other than a key that waits for its end.
func (e *emulator) left() (left []string) {
	e.t.Helper()
	ctx := e.t.Context()
	found := func(kind string, n int, names any) {
		if n > 0 {
			left = append(left, fmt.Sprintf("%d %s: %s", n, kind, must(json.Marshal(names))))
		}
	}
	functions := must(e.lambda().ListFunctions(ctx, nil)).Functions
	found("functions", len(functions), functions)
	mappings := must(e.lambda().ListEventSourceMappings(ctx, nil)).EventSourceMappings
	found("event source mappings", len(mappings), mappings)
	queues := must(e.sqs().ListQueues(ctx, nil)).QueueUrls
	found("queues", len(queues), queues)
	tables := must(e.dynamodb().ListTables(ctx, nil)).TableNames
	found("tables", len(tables), tables)
	client := kms.NewFromConfig(e.aws)
	for _, key := range must(client.ListKeys(ctx, nil)).Keys {
		described := must(client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: key.KeyId})).KeyMetadata
		// There is also one that the emulator made for DynamoDB.
		if strings.HasPrefix(aws.ToString(described.Description), "Event gateway") && described.KeyState != kmstypes.KeyStatePendingDeletion {
			found("keys", 1, *key.KeyArn)
		}
	}
	roles := texts(e.query("iam", "2010-05-08", "ListRoles", nil), "RoleName")
	found("roles", len(roles), roles)
	alarms := texts(e.query("monitoring", "2010-08-01", "DescribeAlarms", nil), "AlarmName")
	found("alarms", len(alarms), alarms)
	dashboards := texts(e.query("monitoring", "2010-08-01", "ListDashboards", nil), "DashboardName")
	found("dashboards", len(dashboards), dashboards)
	var apis struct{ Items []any }
	e.decode(e.ask("apigateway", "GET", "/v2/apis", nil, ""), &apis)
	found("HTTP APIs", len(apis.Items), apis.Items)
	var groups struct{ LogGroups []any }
	target := http.Header{"X-Amz-Target": {"Logs_20140328.DescribeLogGroups"}, "Content-Type": {"application/x-amz-json-1.1"}}
	e.decode(e.ask("logs", "POST", "/", target, "{}"), &groups)
	found("log groups", len(groups.LogGroups), groups.LogGroups)
	return left
}

func (e *emulator) decode(text []byte, v any) {
	e.t.Helper()
	if err := json.Unmarshal(text, v); err != nil {
		e.t.Fatalf("%s: %v", text, err)
	}
}

// texts returns what is in the elements of a name, in XML.
func texts(xml []byte, name string) (all []string) {
	for _, part := range bytes.Split(xml, []byte("<"+name+">"))[1:] {
		text, _, _ := bytes.Cut(part, []byte("</"+name+">"))
		all = append(all, string(bytes.TrimSpace(text)))
	}
	return all
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
