package terraform_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// permits is a front of the emulator that lets through what the policies of the caller's role allow, and answers the rest as AWS does. The
// emulator's own check knows no resources of DynamoDB, and not that a transaction needs the permissions of the writes in it.
type permits struct {
	*httptest.Server

	mu   sync.Mutex
	keys map[string]string          // access key id -> role
	may  map[string][]statement     // role -> what it may do
	used map[string]map[string]bool // role -> actions that were allowed
}

// statement is one of a policy, of those that check understands: it names its actions and resources, and has no condition.
type statement struct {
	Sid      string
	Effect   string
	Action   []string
	Resource any // a text or several
}

// resources returns the resources as several.
func (s statement) resources() []any {
	if several, is := s.Resource.([]any); is {
		return several
	}
	return []any{s.Resource}
}

// understood returns an error if a statement means more than check looks at. Lambda itself writes the logs, so a wildcard there does no harm.
func (s statement) understood() error {
	texts := s.resources()
	for _, action := range s.Action {
		texts = append(texts, action)
	}
	logs := !slices.ContainsFunc(s.Action, func(action string) bool { return !strings.HasPrefix(action, "logs:") })
	for _, v := range texts {
		if text, is := v.(string); !is || !logs && strings.ContainsAny(text, "*?$") {
			return fmt.Errorf("the statement %s has %v, which is not looked at here", s.Sid, v)
		}
	}
	return nil
}

func startPermits(t *testing.T, emulator string) *permits {
	t.Helper()
	to, err := url.Parse(emulator)
	if err != nil {
		t.Fatal(err)
	}
	p := &permits{keys: map[string]string{}, may: map[string][]statement{}, used: map[string]map[string]bool{}}
	proxy := httputil.NewSingleHostReverseProxy(to)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if denied := p.check(r, body); denied != "" {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazon.coral.service#AccessDeniedException", "Message": denied, "message": denied})
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// grant says whose the key is, and what they may do.
func (p *permits) grant(key, role, policy string) error {
	var document struct {
		Version   string
		Statement []statement
	}
	decoder := json.NewDecoder(strings.NewReader(policy))
	decoder.DisallowUnknownFields() // such as Condition
	if err := decoder.Decode(&document); err != nil {
		return fmt.Errorf("the policy of %s: %w", role, err)
	}
	for _, s := range document.Statement {
		if err := s.understood(); err != nil {
			return fmt.Errorf("the policy of %s: %w", role, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys[key], p.may[role] = role, document.Statement
	if p.used[role] == nil {
		p.used[role] = map[string]bool{}
	}
	return nil
}

// actions returns what a role made use of.
func (p *permits) actions(role string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.used[role]))
}

// granted returns what a role may do.
func (p *permits) granted(role string) (actions []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.may[role] {
		actions = append(actions, s.Action...)
	}
	slices.Sort(actions)
	return slices.Compact(actions)
}

// check returns why a request is denied, or "".
func (p *permits) check(r *http.Request, body []byte) string {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	scope := strings.SplitN(credential, "/", 5) // key id, date, region, service, the rest
	if len(scope) != 5 {
		return "the request is not signed"
	}
	needs, err := needed(r.Header.Get("X-Amz-Target"), scope[2], body)
	if err != nil {
		return err.Error()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	role, known := p.keys[scope[0]]
	if !known {
		return "nobody knows the access key " + scope[0]
	}
	for _, need := range needs {
		if !allowed(p.may[role], need) {
			return fmt.Sprintf("the role %s is not authorized to perform: %s on resource: %s", role, need.action, need.resource)
		}
		p.used[role][need.action] = true
	}
	return ""
}

// TestGrant: a policy that means more than is looked at here is refused, instead of half of it being looked at.
func TestGrant(t *testing.T) {
	t.Parallel()
	p := &permits{keys: map[string]string{}, may: map[string][]statement{}, used: map[string]map[string]bool{}}
	f := func(statement, want string) {
		t.Helper()
		err := p.grant("key", "role", `{"Version":"2012-10-17","Statement":[`+statement+`]}`)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", statement, err, want)
		}
	}
	f(`{"Sid":"S","Effect":"Allow","Action":["sqs:SendMessage"],"Resource":"arn:q"}`, "")
	f(`{"Sid":"S","Effect":"Allow","Action":["sqs:SendMessage"],"Resource":["arn:q","arn:r"]}`, "")
	f(`{"Sid":"S","Effect":"Allow","Action":["logs:PutLogEvents"],"Resource":"arn:g:*"}`, "")
	f(`{"Sid":"S","Effect":"Allow","Action":["logs:PutLogEvents","sqs:SendMessage"],"Resource":"arn:*"}`, "has arn:*")
	f(`{"Sid":"S","Effect":"Allow","Action":["sqs:*"],"Resource":"arn:q"}`, "has sqs:*")
	f(`{"Sid":"S","Effect":"Allow","Action":["sqs:SendMessage"],"Resource":["arn:q","arn:?"]}`, "has arn:?")
	f(`{"Sid":"S","Effect":"Allow","Action":["sqs:SendMessage"],"Resource":"arn:${aws:username}"}`, "has arn:$")
	f(`{"Sid":"S","Effect":"Allow","Action":["sqs:SendMessage"]}`, "has <nil>")
	f(`{"Sid":"S","Effect":"Allow","Action":["sqs:SendMessage"],"Resource":"arn:q","Condition":{}}`, "Condition")
	f(`{"Sid":"S","Effect":"Allow","NotAction":["sqs:SendMessage"],"Resource":"arn:q"}`, "NotAction")
}

func allowed(statements []statement, need need) bool {
	ok := false
	for _, s := range statements {
		if slices.Contains(s.Action, need.action) && slices.Contains(s.resources(), any(need.resource)) {
			if s.Effect != "Allow" {
				return false
			}
			ok = true
		}
	}
	return ok
}

// need is a permission that a request needs.
type need struct{ action, resource string }

// needed returns what a call needs, as the Service Authorization Reference of AWS has it. It knows the calls of the gateway's store and queue.
func needed(target, region string, body []byte) ([]need, error) {
	type table struct{ TableName string }
	type item struct{ Get, Put, Delete, Update, ConditionCheck *table }
	var call struct {
		TableName     string
		RequestItems  map[string]any
		TransactItems []item
		QueueUrl      string
	}
	if err := json.Unmarshal(body, &call); err != nil {
		return nil, err
	}
	service, operation, _ := strings.Cut(target, ".")
	var needs []need
	onTable := func(operation, table string) {
		needs = append(needs, need{"dynamodb:" + operation, fmt.Sprintf("arn:aws:dynamodb:%s:%s:table/%s", region, account, table)})
	}
	switch {
	case service == "DynamoDB_20120810" && call.TransactItems != nil:
		for _, i := range call.TransactItems {
			for operation, t := range map[string]*table{"GetItem": i.Get, "PutItem": i.Put, "DeleteItem": i.Delete, "UpdateItem": i.Update, "ConditionCheckItem": i.ConditionCheck} {
				if t != nil {
					onTable(operation, t.TableName)
				}
			}
		}
	case service == "DynamoDB_20120810" && call.RequestItems != nil:
		for name := range call.RequestItems {
			onTable(operation, name)
		}
	case service == "DynamoDB_20120810":
		onTable(operation, call.TableName)
	case service == "AmazonSQS":
		name := call.QueueUrl[strings.LastIndex(call.QueueUrl, "/")+1:]
		needs = append(needs, need{"sqs:" + strings.TrimSuffix(operation, "Batch"), fmt.Sprintf("arn:aws:sqs:%s:%s:%s", region, account, name)})
	}
	if len(needs) == 0 {
		return nil, fmt.Errorf("nobody is authorized to perform %s", target)
	}
	return needs, nil
}
