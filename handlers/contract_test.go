package handlers_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The tests of the files contract_*_test.go follow the tables of the contract, one file a table: the rows have their names and their order there, so that both
// can be read side by side. Subscriptions of both shapes, "seed" and "v09", stand on one server, which runs once as it is and once with -compat.

// held names the tests that hold each row. Rows that other tests hold are not tested once more.
const held = `
What ours does
 1 one server, both shapes            handlers.TestSubscriptions handlers.TestContractEndpoints handlers.TestContractShapes
 2 forms of events                    handlers.TestFormats handlers.TestBatch handlers.TestContractForms invoke/event.TestGolden invoke/event.TestKind
 3 -compat                            handlers.TestFormats handlers.TestFailures handlers.TestInvoke handlers.TestZ handlers.TestContractResults
 4 duplicates, 404 and 202, overload  handlers.TestContractEndpoints handlers.TestContractRequests handlers.TestF handlers.TestBatchRoom
 5 routes                             handlers.TestContractRoutes handlers.TestSubscriptions store/route.TestFirst store/route.TestAll
 6 one route tree, Event, invoke      handlers.TestContractRoutes handlers.TestContractRequests handlers.TestInvokeSubscription
 7 malformed JSON                     handlers.TestMalformedJSON handlers.TestContractMalformed invoke/event.TestPayload
 8 CORS                               handlers.TestCORS handlers.TestCORSOpen handlers.TestCORSSubscription handlers.TestK handlers.TestK_Refused
 9 system events                      handlers.TestSystemEvents handlers.TestSystemEventsCompat handlers.TestD handlers.TestD_Hosted handlers.TestContractSystem
10 event types, spaces, 0.6 shape     handlers.TestFunctions handlers.TestAuthorizerSpaces handlers.TestCORSSpaces handlers.TestContractEndpoints
11 ignored, not dropped, ids          handlers.TestR handlers.TestContractLenient handlers.TestSubscriptions
12 sync answers, passthrough          handlers.TestContractResults handlers.TestPassthrough handlers.TestI

0 the forms of an event
type, id, time, content type          handlers.TestContractForms invoke/event.TestGolden
source, schema, subject               handlers.TestContractForms
type version, extensions              handlers.TestContractForms invoke/event.TestForms
data                                  handlers.TestContractForms invoke/event.TestGolden
made from the Event header            handlers.TestContractForms invoke/event.TestGolden
made from a plain request             handlers.TestContractPayload invoke/event.TestGolden
made from invoke                      handlers.TestInvoke
system events                         handlers.TestSystemEvents invoke/event.TestGoldenSystem

2 error body                          handlers.TestContractErrorBody

2.1 Configuration API
GET /v1/status, metrics, unknown      handlers.TestUnknownRoutesOfTheConfigAPI handlers.TestContractEndpoints
S/functions                           handlers.TestFunctions handlers.TestContractEndpoints
S/functions/:id                       handlers.TestFunctions handlers.TestAuthorizers handlers.TestContractEndpoints
S/subscriptions                       handlers.TestSubscriptions handlers.TestContractEndpoints
S/subscriptions/:id                   handlers.TestSubscriptions handlers.TestContractEndpoints
S/eventtypes                          handlers.TestEventTypes handlers.TestAuthorizers handlers.TestContractEndpoints
S/cors                                handlers.TestCORSRecords handlers.TestContractEndpoints

2.2 objects
function                              handlers.TestFunctions handlers.TestContractProviders
provider fields                       handlers.TestContractProviders handlers.TestE
subscription, defaults, id            handlers.TestContractShapes handlers.TestSubscriptions
cors                                  handlers.TestContractShapes handlers.TestCORSRecords
event type                            handlers.TestEventTypes
ids                                   handlers.TestContractIDs
PathEscape                            handlers.TestContractShapes

2.3 messages
prefixes, body {                      handlers.TestContractMessages
function                              handlers.TestFunctions handlers.TestContractProviders handlers.TestContractMessages
subscription                          handlers.TestSubscriptions handlers.TestContractMessages
update                                handlers.TestContractEndpoints
path conflict                         handlers.TestSubscriptions handlers.TestContractMessages
event type, CORS                      handlers.TestEventTypes handlers.TestCORSRecordsAreChecked handlers.TestContractMessages
CloudEvent                            handlers.TestContractMessages invoke/event.TestStructured01Refused
Events API                            handlers.TestContractRequests handlers.TestInvoke handlers.TestFailures handlers.TestDraining
Lambda access errors                  handlers.TestLambdaFailures
order of checks on create             handlers.TestContractOrder

2.4 Events API
which kind                            handlers.TestContractKinds invoke/event.TestKind invoke/event.TestBinary01Kind
custom, accepted                      handlers.TestContractRequests
custom, subscribers                   handlers.TestContractRequests handlers.TestAsyncEvents
sync                                  handlers.TestCloudEvents
plain request nothing matches         handlers.TestContractRequests
invoke                                handlers.TestInvoke handlers.TestInvokeSubscription
malformed JSON                        handlers.TestMalformedJSON handlers.TestContractMalformed
bad Content-Type                      handlers.TestContractMalformed
system event name from outside        handlers.TestD
function result                       handlers.TestContractResults
http provider                         handlers.TestContractPayload handlers.TestFailures
hosted domain                         handlers.TestZ

2.4 payload to functions
schema, made by the gateway           handlers.TestContractPayload
http data, headers, query             handlers.TestContractPayload
params, path                          handlers.TestContractPayload
body/data                             handlers.TestContractBodies
dataType / contentType                handlers.TestContractBodies
legacy + a full CloudEvent            handlers.TestContractForms
binary extensions                     invoke/event.TestJ_BinaryExtensions invoke/event.TestJ_Binary01Extensions
path rules                            handlers.TestContractRoutes
conflicts                             handlers.TestSubscriptions store/route.TestSameShape

2.4 CORS
custom event                          handlers.TestCORSOpen handlers.TestContractCORS
http                                  handlers.TestCORS handlers.TestCORSSubscription handlers.TestContractCORS
preflight, nothing configured         handlers.TestCORSCompat handlers.TestContractCORS
refused                               handlers.TestCORS handlers.TestContractCORS
origin wildcard                       handlers.TestCORSSubscription
update                                handlers.TestCORSSubscription handlers.TestK

2.4 system events, authorizer
names                                 handlers.TestSystemEvents handlers.TestSystemEventsCompat
delivered to                          handlers.TestContractSystem handlers.TestD
data, quirks                          handlers.TestSystemEvents handlers.TestContractSystem invoke/event.TestSystemResult
authorizer                            handlers.TestAuthorizer handlers.TestAuthorizer01 handlers.TestAuthorizerRefuses handlers.TestAuthorizerCompat
`

// TestContractHeld: the tests that the rows name exist, and each row names one.
func TestContractHeld(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile(`([\w/]+)\.(Test\w+)`)
	rows := 0
	for _, line := range strings.Split(held, "\n") {
		tests := named.FindAllStringSubmatch(line, -1)
		if strings.Contains(line, "  ") && len(tests) == 0 {
			t.Errorf("no test holds the row %q", line)
		}
		for _, test := range tests {
			rows++
			if !hasTest(t, test[1], test[2]) {
				t.Errorf("%q names %s.%s, which is not there", line, test[1], test[2])
			}
		}
	}
	if rows < 100 {
		t.Errorf("only %d tests are named", rows)
	}
}

// hasTest says whether a package has a test.
func hasTest(t *testing.T, dir, name string) bool {
	files, err := filepath.Glob("../" + dir + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		return strings.Contains(readFile(t, file), "\nfunc "+name+"(t *testing.T)")
	})
}

// twice runs a test against a gateway as it is, and against one with -compat.
func twice(t *testing.T, test func(t *testing.T, g *gateway, compat bool)) {
	t.Parallel()
	for _, compat := range []bool{false, true} {
		t.Run(fmt.Sprintf("compat=%t", compat), func(t *testing.T) {
			t.Parallel()
			test(t, start(t, fmt.Sprintf("-compat=%t", compat)), compat)
		})
	}
}

// bothShapes registers f and its event types, for subscriptions of either shape.
func (g *gateway) bothShapes(url string, eventTypes ...string) {
	g.t.Helper()
	g.function("default", "f", url)
	for _, name := range eventTypes {
		g.configure(201, "POST", inDefault+"/eventtypes", fmt.Sprintf(`{"name":%q}`, name))
	}
}

// postbox reads what a function gets, one event after the other.
type postbox struct {
	*function
	read int
}

// next waits for the next event, and returns it without what differs each time: see shown.
func (b *postbox) next(t *testing.T) string {
	t.Helper()
	eventually(t, "the next event arrives", func() bool { return len(b.events()) > b.read })
	b.read++
	return shown(b.events()[b.read-1])
}

// shown returns an event with UUID, TIME, RECEIVED and HOST in the places of what differs each time, and without the lineage.
func shown(event string) string {
	for _, r := range [][2]string{
		{`,"extensions":\{"eventgatewaylineage":"[\w-]{46}"\}|,"eventgatewaylineage":"[\w-]{46}"|"eventgatewaylineage":"[\w-]{46}",`, ``},
		{`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`, `UUID`},
		{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`, `TIME`},
		{`"receivedAt":\d{13},`, `"receivedAt":RECEIVED,`},
		{`"host":"[\w.]+:\d+"`, `"host":"HOST"`},
	} {
		event = regexp.MustCompile(r[0]).ReplaceAllString(event, r[1])
	}
	return event
}

// form returns an event as shown, in the form of one of the shapes: CloudEvents 1.0, or with -compat that of 2018. data is a JSON value; kind that of CloudEvents.
func form(compat, seed bool, kind, source, contentType, data string) string {
	switch {
	case !compat:
		return `{"specversion":"1.0","id":"UUID","source":"` + source + `","type":"` + kind + `","time":"TIME",` +
			`"datacontenttype":"` + contentType + `","data":` + data + `}`
	case seed:
		return `{"event":"` + strings.TrimSuffix(kind, ".request") + `","id":"UUID","receivedAt":RECEIVED,"data":` + data + `,"dataType":"` + contentType + `"}`
	}
	return `{"eventType":"` + kind + `","cloudEventsVersion":"0.1","source":"` + source + `","eventID":"UUID","eventTime":"TIME","contentType":"` + contentType +
		`","data":` + data + `}`
}

// pick returns what holds with -compat, or what holds without it.
func pick(compat bool, old, now string) string {
	if compat {
		return old
	}
	return now
}
