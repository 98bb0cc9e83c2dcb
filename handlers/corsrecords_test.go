package handlers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const (
	inCORS      = inDefault + "/cors"
	invalidCORS = "CORS configuration doesn't validate. Validation error: "
)

func TestCORSRecords(t *testing.T) {
	t.Parallel()
	g := start(t)
	f := g.want
	f(200, "GET", inCORS, "", `{"cors":[]}`)
	const defaults = `"allowedOrigins":["*"],"allowedMethods":["HEAD","GET","POST"],"allowedHeaders":["Origin","Accept","Content-Type"],"allowCredentials":false`
	const hello = `{"space":"default","corsId":"GET%2Fhello","method":"GET","path":"/hello",` + defaults + `}`
	f(201, "POST", inCORS, `{"method":"get","path":"/hello"}`, hello)
	f(409, "POST", inCORS, `{"method":"GET","path":"/hello"}`, `CORS configuration "GET%2Fhello" already exists.`)
	const users = `{"space":"default","corsId":"POST%2Fusers%2F:id%2F%2Arest","method":"POST","path":"/users/:id/*rest","allowedOrigins":["https://a.com","https://*.b.com"],` +
		`"allowedMethods":["POST","PURGE"],"allowedHeaders":["X-Mine"],"allowCredentials":true,"metadata":{"service":"s","stage":"dev"}}`
	f(201, "POST", inCORS, strings.Replace(users, `"space":"default","corsId":"POST%2Fusers%2F:id%2F%2Arest",`, `"space":"other",`, 1), users)
	f(200, "GET", inCORS, "", `{"cors":[`+hello+`,`+users+`]}`)
	f(200, "GET", inCORS+"?metadata.stage=dev&metadata.service=s", "", `{"cors":[`+users+`]}`)
	f(200, "GET", inCORS+"?metadata.stage=prod", "", `{"cors":[]}`)
	// Ids come raw, or encoded once more.
	f(200, "GET", inCORS+"/GET%2Fhello", "", hello)
	f(200, "GET", inCORS+"/GET%252Fhello", "", hello)
	f(404, "GET", inCORS+"/GET%2Fnothing", "", `CORS configuration "GET%2Fnothing" not found.`)
	f(404, "GET", "/v1/spaces/other/cors/GET%2Fhello", "", `CORS configuration "GET%2Fhello" not found.`)
	// Updates: of the whole object that was read, but for what its id is made of.
	f(200, "PUT", inCORS+"/POST%2Fusers%2F:id%2F%2Arest", users, users)
	f(200, "PUT", inCORS+"/POST%2Fusers%2F:id%2F%2Arest", `{"method":"post","path":"/users/:id/*rest"}`,
		`{"space":"default","corsId":"POST%2Fusers%2F:id%2F%2Arest","method":"POST","path":"/users/:id/*rest",`+defaults+`}`)
	f(400, "PUT", inCORS+"/GET%2Fhello", `{"method":"PUT","path":"/hi"}`, `Invalid update. 'Method' of existing CORS configuration cannot be updated.`)
	f(400, "PUT", inCORS+"/GET%2Fhello", `{"method":"GET","path":"/hi"}`, `Invalid update. 'Path' of existing CORS configuration cannot be updated.`)
	f(404, "PUT", inCORS+"/GET%2Fhi", `{"method":"GET","path":"/hi"}`, `CORS configuration "GET%2Fhi" not found.`)
	// Of one space, two for exactly the same requests are one too many.
	const conflict = "CORS configuration path conflict: "
	f(409, "POST", inCORS, `{"method":"POST","path":"/users/:name/*rest"}`, conflict+`parameter with different name ("id") already defined: for route: /users/:name/*rest`)
	f(409, "POST", inCORS, `{"method":"POST","path":"/users/:id/*all"}`, conflict+`wildcard with different name ("rest") already defined: for route: /users/:id/*all`)
	f(409, "POST", inCORS, `{"method":"GET","path":"/%68ello"}`, conflict+`route /%68ello conflicts with existing route`)
	g.configure(201, "POST", inCORS, `{"method":"GET","path":"/users/:name/*rest"}`)
	g.configure(201, "POST", inCORS, `{"method":"POST","path":"/users/:name"}`)
	g.configure(201, "POST", "/v1/spaces/other/cors", `{"method":"POST","path":"/users/:name/*rest"}`)
	f(204, "DELETE", inCORS+"/POST%2Fusers%2F:id%2F%2Arest", "", "")
	f(404, "DELETE", inCORS+"/POST%2Fusers%2F:id%2F%2Arest", "", `CORS configuration "POST%2Fusers%2F:id%2F%2Arest" not found.`)
	g.configure(201, "POST", inCORS, `{"method":"POST","path":"/users/:name/*rest"}`)
}

func TestCORSRecordsAreChecked(t *testing.T) {
	t.Parallel()
	g := start(t)
	f := g.want
	const method = `Key: 'CORS.Method' Error:Field validation for 'Method' failed on the 'eq=GET|eq=POST|eq=DELETE|eq=PUT|eq=PATCH|eq=HEAD|eq=OPTIONS' tag`
	const path = `Key: 'CORS.Path' Error:Field validation for 'Path' failed on the 'path' tag`
	f(400, "POST", inCORS, `{`, invalidCORS+`unexpected EOF`)
	f(400, "POST", inCORS, `{}`, invalidCORS+method+"\n"+path)
	f(400, "POST", inCORS, `{"method":"TRACE","path":"/a"}`, invalidCORS+method)
	for _, p := range []string{"", "a", "/a?b=c", "/*a/b", "/:", "/a/../b", "/a//b", "/%zz", "/" + strings.Repeat("a", 256)} {
		f(400, "POST", inCORS, fmt.Sprintf(`{"method":"GET","path":%q}`, p), invalidCORS+path)
	}
	f(400, "POST", "/v1/spaces/ab/cors", `{"method":"GET","path":"/a"}`, invalidCORS+`Key: 'CORS.Space' Error:Field validation for 'Space' failed on the 'min' tag`)
	f(400, "POST", inCORS, `{"method":"GET","path":"/a","origins":["*"]}`, invalidCORS+`unknown member "origins"`)
	f(400, "POST", inCORS, `{"method":"GET","path":"/a","allowedOrigins":"*"}`, invalidCORS+`allowedOrigins must be a list`)
	f(400, "PUT", inCORS+"/GET%2Fa", `{"method":"GET"}`, invalidCORS+path)
}

// TestCORSETag: records of this kind, too, are changed only as they were seen.
func TestCORSETag(t *testing.T) {
	t.Parallel()
	g := start(t)
	const body = `{"method":"GET","path":"/a"}`
	tag := g.configure(201, "POST", inCORS, body).header.Get("ETag")
	next := g.configure(200, "PUT", inCORS+"/GET%2Fa", body, "If-Match: "+tag).header.Get("ETag")
	if tag == next {
		t.Errorf("the ETag stays %s", tag)
	}
	a := g.configure(412, "PUT", inCORS+"/GET%2Fa", body, "If-Match: "+tag)
	if want := `CORS configuration "GET%2Fa" was changed meanwhile: read it again before you change it.`; a.message() != want {
		t.Error(a.body)
	}
	g.configure(412, "DELETE", inCORS+"/GET%2Fa", "", "If-Match: "+tag)
	g.configure(204, "DELETE", inCORS+"/GET%2Fa", "", "If-Match: "+next)
}

// TestK_Refused: credentials for everybody are refused, in either shape, with a wildcard that is as good as everybody too. In 2018 they were taken.
func TestK_Refused(t *testing.T) {
	t.Parallel()
	g, old := start(t), start(t, "-compat")
	for _, g := range []*gateway{g, old} {
		g.function("default", "f", "http://localhost:1")
	}
	n := 0
	// f wants a policy to be refused for the same reason in a record and in a subscription, and to be taken with -compat. An empty reason is none.
	f := func(origins, methods, headers string, credentials bool, why string) {
		t.Helper()
		n++
		record := fmt.Sprintf(`{"method":"GET","path":"/p%d","allowedOrigins":%s,"allowedMethods":%s,"allowedHeaders":%s,"allowCredentials":%t}`, n, origins, methods, headers, credentials)
		seed := fmt.Sprintf(`{"functionId":"f","event":"http","method":"GET","path":"/p%d","cors":{"origins":%s,"methods":%s,"headers":%s,"allowCredentials":%t}}`,
			n, origins, methods, headers, credentials)
		old.configure(201, "POST", inCORS, record)
		old.configure(201, "POST", inDefault+"/subscriptions", seed)
		if why == "" {
			g.configure(201, "POST", inCORS, record)
			g.configure(201, "POST", inDefault+"/subscriptions", seed)
			return
		}
		names := strings.NewReplacer("ORIGINS", "allowedOrigins", "METHODS", "allowedMethods", "HEADERS", "allowedHeaders", "CREDENTIALS", "allowCredentials")
		g.want(400, "POST", inCORS, record, invalidCORS+names.Replace(why))
		names = strings.NewReplacer("ORIGINS", "cors.origins", "METHODS", "cors.methods", "HEADERS", "cors.headers", "CREDENTIALS", "cors.allowCredentials")
		g.want(400, "POST", inDefault+"/subscriptions", seed, "Subscription doesn't validate. Validation error: "+names.Replace(why))
	}
	const everybody = `CREDENTIALS needs ORIGINS that are named: credentials cannot be allowed to every origin`
	f(`[]`, `[]`, `[]`, true, everybody)
	f(`["https://a.com","*"]`, `[]`, `[]`, true, everybody)
	f(`["null"]`, `[]`, `[]`, true, `CREDENTIALS cannot go with the origin "null", which every page can have`)
	for _, origin := range []string{
		"https://*", "http*", "https://example.com*", "https://*example.com", "*.example.com", "*://example.com", "https://*.com", "https://*.com.", "https://*.com:8443",
		"https://*.", "https://*..com", "https://a.*.example.com", "https://*.example.com.", "https://*.a/b.c", "://*.example.com",
	} {
		f(fmt.Sprintf("[%q]", origin), `[]`, `[]`, true,
			fmt.Sprintf(`CREDENTIALS cannot go with the origin %q: its "*" must stand for names below a domain, as in https://*.example.com`, origin))
		f(fmt.Sprintf("[%q]", origin), `[]`, `[]`, false, "")
	}
	f(`["https://*.example.com","https://*.example.com:8443","http://a.com","app://*.my-app.local"]`, `[]`, `[]`, true, "")
	const asName = `CREDENTIALS cannot go with "*" in METHODS or HEADERS: browsers take it for a name then`
	f(`["https://a.com"]`, `["*"]`, `[]`, true, asName)
	f(`["https://a.com"]`, `[]`, `["X-A","*"]`, true, asName)
	f(`["*"]`, `["*"]`, `["*"]`, false, "")

	f(`["https://*.*.a.com"]`, `[]`, `[]`, false, `ORIGINS has "https://*.*.a.com", which is not an origin such as https://www.example.com, with at most one "*"`)
	f(`[""]`, `[]`, `[]`, false, `ORIGINS has "", which is not an origin such as https://www.example.com, with at most one "*"`)
	f(`["http://a.com http://b.com"]`, `[]`, `[]`, false, `ORIGINS has "http://a.com http://b.com", which is not an origin such as https://www.example.com, with at most one "*"`)
	f(`[]`, `["GET,POST"]`, `[]`, false, `METHODS has "GET,POST", which is not the name of a method`)
	f(`[]`, `[""]`, `[]`, false, `METHODS has "", which is not the name of a method`)
	f(`[]`, `[]`, `["X A"]`, false, `HEADERS has "X A", which is not the name of a header`)
	f(`[]`, `[]`, `["X-A\r\nSet-Cookie: a=b"]`, false, `HEADERS has "X-A\r\nSet-Cookie: a=b", which is not the name of a header`)
	f(`["www.example.com"]`, `[]`, `[]`, false, `ORIGINS has "www.example.com", which is not an origin such as https://www.example.com, with at most one "*"`)
	f(`["http://`+strings.Repeat("a", 249)+`"]`, `[]`, `[]`, false, "")
	f(`["`+strings.Repeat("a", 257)+`"]`, `[]`, `[]`, false, `ORIGINS has an entry of 257 bytes, at most 256 are allowed`)
	f(list(100, "http://a"), list(100, "GET"), list(100, "X-A"), false, "")
	f(list(101, "http://a"), `[]`, `[]`, false, `ORIGINS has 101 entries, at most 100 are allowed`)
	f(`[]`, list(101, "GET"), `[]`, false, `METHODS has 101 entries, at most 100 are allowed`)
	f(`[]`, `[]`, list(101, "X-A"), false, `HEADERS has 101 entries, at most 100 are allowed`)
}

func list(n int, entry string) string {
	entries := make([]string, n)
	for i := range entries {
		entries[i] = entry
	}
	text, _ := json.Marshal(entries)
	return string(text)
}
