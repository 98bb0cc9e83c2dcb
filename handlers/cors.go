package handlers

import (
	"net/http"
	"slices"
	"strings"

	"github.com/rs/cors"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
)

// preflight answers a browser that asks whether a page may send a request (Fetch standard, "CORS-preflight request"). It returns nil for other requests, and where
// nothing says what to answer.
func (g *Gateway) preflight(a *arrival) *invoke.Response {
	method, ok := preflightMethod(a.c.Request)
	if !ok {
		return nil
	}
	wanted := requestedHeaders(a.c.Request)
	var header http.Header
	for _, p := range g.policies(a, method, slices.Contains(wanted, "event")) {
		header = http.Header{}
		p.HandlerFunc(headerWriter{header}, preflightRequest(a.c.Request, wanted))
		if header.Get("Access-Control-Allow-Origin") != "" {
			break
		}
	}
	if header == nil {
		return nil
	}
	return &invoke.Response{Status: http.StatusOK, Header: header}
}

// policies returns what decides about a preflight: any of them may allow it. Which event it will be is not known yet, only whether it will have an Event header.
func (g *Gateway) policies(a *arrival, method string, named bool) (found []*cors.Cors) {
	var targets []store.Target
	var r store.Route
	if !named {
		a.snapshot.Route(method, a.path, store.Plain, &r)
		if targets = r.Async; r.Sync != nil {
			targets = []store.Target{*r.Sync}
		}
	}
	if record := recordOf(a, method, r.Sync, targets); record != nil {
		return []*cors.Cors{opened(&record.Policy)}
	}
	if len(targets) == 0 {
		for _, record := range a.snapshot.CORSOf(method, a.path) {
			found = append(found, opened(&record.Policy))
		}
	}
	switch {
	case len(found) > 0:
		return found
	case named:
		return []*cors.Cors{g.open}
	case r.Sync != nil && r.Sync.Subscription.CORS != nil:
		return []*cors.Cors{opened(r.Sync.Subscription.CORS)}
	}
	return nil
}

// allowOrigin says by headers whether a page of another origin may read the answer, and whether the configuration decided that.
func (g *Gateway) allowOrigin(a *arrival, m *match) (decided bool) {
	if _, ok := preflightMethod(a.c.Request); ok {
		return false
	}
	if policy := policyOf(a, m); policy != nil {
		opened(policy).HandlerFunc(a.c.Writer, a.c.Request)
		return true
	}
	if len(a.c.Request.Header["Event"]) > 0 && len(a.c.Request.Header["Origin"]) > 0 {
		g.open.HandlerFunc(a.c.Writer, a.c.Request)
	}
	return false
}

// policyOf returns what the configuration says about the answer to a request, or nil.
func policyOf(a *arrival, m *match) *store.CORSPolicy {
	if record := recordOf(a, a.c.Request.Method, m.caller(), m.targets); record != nil {
		return &record.Policy
	}
	if m.Sync != nil {
		return m.Sync.Subscription.CORS
	}
	return nil
}

// recordOf returns the CORS record of the space whose function answers. If none does, that of any space that gets the event: there is nothing to read then.
func recordOf(a *arrival, method string, caller *store.Target, targets []store.Target) *store.CORS {
	if caller != nil {
		return a.snapshot.CORS(caller.Space(), method, a.path)
	}
	for _, t := range targets {
		if record := a.snapshot.CORS(t.Space(), method, a.path); record != nil {
			return record
		}
	}
	return nil
}

// onlyOurs takes out of a function's header what the configuration has decided.
func onlyOurs(header http.Header) {
	for name := range header {
		if strings.HasPrefix(http.CanonicalHeaderKey(name), "Access-Control-Allow-") {
			delete(header, name)
		}
	}
}

// opened returns what answers by a policy, which keeps it as long as it is in a snapshot.
func opened(p *store.CORSPolicy) *cors.Cors {
	if c, ok := p.Opened.Load().(*cors.Cors); ok {
		return c
	}
	c := cors.New(cors.Options{
		AllowedOrigins: p.Origins, AllowedMethods: p.Methods, AllowedHeaders: p.Headers,
		AllowCredentials:     p.AllowCredentials && !slices.Contains(p.Origins, "*"), // a record of 2018 may have both
		OptionsSuccessStatus: http.StatusOK,
	})
	p.Opened.Store(c)
	return c
}

// openPolicy is the one for requests with an Event header where there is no other: any page may send events. In 2018 that was with credentials.
func openPolicy(compat bool) *cors.Cors {
	o := cors.Options{
		AllowedOrigins: []string{"*"}, AllowedHeaders: []string{"*"},
		AllowedMethods: []string{"GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"},
	}
	if compat {
		o.AllowOriginFunc = func(string) bool { return true }
		o.AllowCredentials = true
	}
	return cors.New(o)
}

// preflightMethod returns the method that a preflight asks about.
func preflightMethod(r *http.Request) (method string, ok bool) {
	if r.Method != http.MethodOptions || len(r.Header["Origin"]) == 0 {
		return "", false
	}
	method = r.Header.Get("Access-Control-Request-Method")
	return method, method != ""
}

// requestedHeaders returns the names of headers that a preflight asks about, sorted and in lower case, as browsers send them; other programs may not.
func requestedHeaders(r *http.Request) []string {
	var names []string
	for _, list := range r.Header["Access-Control-Request-Headers"] {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.ToLower(strings.Trim(name, " \t")); name != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// preflightRequest returns what a policy has to see of a preflight.
func preflightRequest(r *http.Request, wanted []string) *http.Request {
	header := http.Header{"Origin": r.Header["Origin"][:1], "Access-Control-Request-Method": r.Header["Access-Control-Request-Method"][:1]}
	if len(wanted) > 0 {
		header["Access-Control-Request-Headers"] = []string{strings.Join(wanted, ",")}
	}
	return &http.Request{Method: http.MethodOptions, Header: header}
}

// headerWriter keeps the header of an answer only.
type headerWriter struct{ header http.Header }

func (w headerWriter) Header() http.Header         { return w.header }
func (w headerWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w headerWriter) WriteHeader(int)             {}
