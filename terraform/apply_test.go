// Package terraform_test applies the module's minimal example to an emulator of AWS, and sends an event through what it made. What the module
// does with each of its variables is tested by tests/*.tftest.hcl.
package terraform_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// TestApply: what the minimal example makes is there, works with the permissions that it has, and goes again.
func TestApply(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, servers.Moto(t))
	program, zip := build(t)
	w := newWorkspace(t, "minimal", e.url, zip)
	if left := e.left(); left != nil {
		t.Fatal("before it begins there is something:", left)
	}
	w.apply()
	outputs := w.outputs()
	if out := outputs["events_url"]; !strings.HasPrefix(out, "https://") || !strings.Contains(outputs["curl"], outputs["config_url"]+"/v1/spaces/default/functions") {
		t.Errorf("the outputs are %v", outputs)
	}
	checkFunctions(e)
	checkQueue(e)
	flow(e, program)
	checkCurl(t, outputs)
	upgrade(e, w)
	w.destroy()
	if left := e.left(); left != nil {
		t.Errorf("after destroy there is still %s", strings.Join(left, "\n"))
	}
}

// build returns the Lambda's program for this machine, and the zip that it is in.
func build(t *testing.T) (program, zip string) {
	t.Helper()
	dir := t.TempDir()
	program, zip = filepath.Join(dir, "bootstrap"), filepath.Join(dir, "lambda.zip")
	for _, args := range [][]string{
		{"build", "-trimpath", "-ldflags", "-s -w", "-tags", "lambda.norpc,nomsgpack,grpcnotrace", "-o", program, "../cmd/event-gateway-lambda"},
		{"run", "../deploy/lambda", program, zip},
	} {
		cmd := exec.Command("go", args...)
		if args[0] == "build" {
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %v: %s%v", args, out, err)
		}
	}
	return program, zip
}

// settings are those of a function.
func (e *emulator) settings(name string) *lambda.GetFunctionConfigurationOutput {
	e.t.Helper()
	settings, err := e.lambda().GetFunctionConfiguration(e.t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &name})
	if err != nil {
		e.t.Fatal(err)
	}
	return settings
}

func checkFunctions(e *emulator) {
	t := e.t
	t.Helper()
	keys := map[string]bool{}
	f := func(name, role string, timeout int32, want map[string]string) {
		t.Helper()
		s := e.settings(name)
		if s.Runtime != types.RuntimeProvidedal2023 || aws.ToString(s.Handler) != "bootstrap" || !slices.Equal(s.Architectures, []types.Architecture{types.ArchitectureArm64}) ||
			*s.Timeout != timeout || *s.Role != "arn:aws:iam::"+account+":role/"+role {
			t.Errorf("%s: %s %s %v %d s %s", name, s.Runtime, aws.ToString(s.Handler), s.Architectures, *s.Timeout, *s.Role)
		}
		got := maps.Clone(s.Environment.Variables)
		if len(got["EVENT_GATEWAY_LINEAGE_KEY"]) < 16 {
			t.Errorf("%s: the lineage key is %q", name, got["EVENT_GATEWAY_LINEAGE_KEY"])
		}
		keys[got["EVENT_GATEWAY_LINEAGE_KEY"]] = true
		delete(got, "EVENT_GATEWAY_LINEAGE_KEY")
		if !maps.Equal(got, want) {
			t.Errorf("%s has the environment %v, want %v", name, got, want)
		}
		alias, err := e.lambda().GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: &name, Name: aws.String("live")})
		if err != nil || *alias.FunctionVersion != "1" {
			t.Errorf("%s: live is %v, %v", name, alias, err)
		}
	}
	f("gateway-events", "gateway-events-eu-west-1", 29, map[string]string{
		"EVENT_GATEWAY_ROLE": "events", "EVENT_GATEWAY_STORE": "dynamodb://gateway",
		"EVENT_GATEWAY_QUEUE": "sqs://sqs.eu-west-1.amazonaws.com/123456789012/gateway?dead-letter=gateway-dead-letters",
	})
	f("gateway-config", "gateway-config-eu-west-1", 10, map[string]string{
		"EVENT_GATEWAY_ROLE": "config", "EVENT_GATEWAY_STORE": "dynamodb://gateway", "EVENT_GATEWAY_CONFIG_IDENTITY": "iam",
	})
	if len(keys) != 1 {
		t.Errorf("the functions have the lineage keys %v, want one", keys)
	}
}

// checkQueue checks the queues and the mapping, and turns the mapping off: the emulator would call the function itself, which it cannot.
func checkQueue(e *emulator) {
	t := e.t
	t.Helper()
	f := func(queue string, want map[string]string) {
		t.Helper()
		got := e.attributes(queue)
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s has %s %q, want %q", queue, name, got[name], value)
			}
		}
		var policy struct{ Statement []map[string]any }
		if err := json.Unmarshal([]byte(got["Policy"]), &policy); err != nil || len(policy.Statement) != 1 || policy.Statement[0]["Effect"] != "Deny" {
			t.Errorf("%s has the policy %s, %v", queue, got["Policy"], err)
		}
	}
	f("gateway", map[string]string{
		"VisibilityTimeout": "174", "MessageRetentionPeriod": "345600", "SqsManagedSseEnabled": "true",
		"RedrivePolicy": `{"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:gateway-dead-letters", "maxReceiveCount": 10}`,
	})
	f("gateway-dead-letters", map[string]string{"MessageRetentionPeriod": "1209600", "SqsManagedSseEnabled": "true"})

	mappings, err := e.lambda().ListEventSourceMappings(t.Context(), nil)
	if err != nil || len(mappings.EventSourceMappings) != 1 {
		t.Fatal(mappings, err)
	}
	m := mappings.EventSourceMappings[0]
	if *m.EventSourceArn != "arn:aws:sqs:eu-west-1:123456789012:gateway" || !strings.HasPrefix(*m.FunctionArn, "arn:aws:lambda:eu-west-1:123456789012:function:gateway-events:") ||
		*m.BatchSize != 10 || *m.ScalingConfig.MaximumConcurrency != 10 || !slices.Equal(m.FunctionResponseTypes, []types.FunctionResponseType{"ReportBatchItemFailures"}) {
		t.Errorf("the mapping is %+v", m)
	}
	if _, err := e.lambda().UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: m.UUID, Enabled: aws.Bool(false)}); err != nil {
		t.Fatal(err)
	}
}

func (e *emulator) attributes(queue string) map[string]string {
	e.t.Helper()
	out, err := e.sqs().GetQueueAttributes(e.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(e.url + "/" + account + "/" + queue), AttributeNames: []sqstypes.QueueAttributeName{"All"},
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return out.Attributes
}
