package event

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestHostileBodies has bodies of 6 MB, made to be costly. None may take much more memory than it has itself, and none
// much time: the limit is far above what is needed, so that a slow machine passes.
func TestHostileBodies(t *testing.T) {
	const size = 6 << 20
	repeat := func(s string) string { return strings.Repeat(s, size/len(s)) }
	f := func(name string, most float64, body string, headers ...string) {
		t.Helper()
		r, raw := request("POST", "/", "", headers...), []byte(body)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		var err error
		if IsBatch(r.Header) {
			_, err = FromBatch(r, "/", raw, received)
		} else {
			_, err = FromRequest(r, "/", raw, received)
		}
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		times := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(raw))
		t.Logf("%s: %v, %.2f times its size (%v)", name, took.Round(time.Millisecond), times, err)
		if took > 5*time.Second || times > most {
			t.Errorf("%s: took %v and %.2f times the memory of the body, want at most %v", name, took, times, most)
		}
	}
	const json = "Content-Type: application/json"
	nested := strings.Repeat(`[{"a":`, 4990) + "1" + strings.Repeat(`}]`, 4990)
	wide := `[` + strings.Repeat(nested+",", size/len(nested)) + `0]`
	for version, start := range map[string]string{"1.0": required, "0.1": required01} {
		f("nested "+version, 0.3, `{`+start+`,"data":`+wide+`}`, structured10)
		f("nested first "+version, 0.3, `{"data":`+wide+`,`+start+`}`, structured10)
		f("too deep "+version, 0.3, `{`+start+`,"data":`+repeat("[")+`}`, structured10)
		f("equal names "+version, 0.1, `{`+start+`,"data":{`+repeat(`"a":1,`)+`"a":1}}`, structured10)
		f("members "+version, 0.1, `{`+start+`,`+repeat(`"a":1,`)+`"a":1}`, structured10)
		f("null members "+version, 0.1, `{`+start+numbered(size/16)+`}`, structured10)
		f("a long name "+version, 0.1, `{`+start+`,"`+repeat("x")+`":1}`, structured10)
		f("an escaped name "+version, 2.1, `{`+start+`,"`+repeat(`\u0041`)+`":1}`, structured10)
		f("a long id "+version, 0.1, `{`+strings.Replace(start, `"1"`, `"`+repeat("x")+`"`, 1)+`}`, structured10)
		f("a batch of nested "+version, 0.3, `[{`+start+`,"data":`+wide+`}]`, batched)
		f("a batch of small "+version, 0.3, `[`+repeat(`{`+start+`},`)+`{}]`, batched)
		f("in an Event request "+version, 0.3, `{`+start+`,"data":`+wide+`}`, json, "Event: t")
	}
	f("extensions", 0.1, `{`+required01+`,"extensions":{"a":1`+numbered(size/16)+`}}`, structured10)
	f("a nested extension", 2.1, `{`+required01+`,"extensions":{"a":`+wide+`}}`, structured10)
	f("a wide extension", 1.2, `{`+required01+`,"extensions":{"a":[`+repeat(" ")+`]}}`, structured10)
	f("base64", 1, `{`+required+`,"data_base64":"`+repeat("AAAA")+`"}`, structured10)
	f("escaped base64", 2.3, `{`+required+`,"data_base64":"`+repeat(`\u0041`)+`"}`, structured10)
	f("base64 of 0.1", 1, `{`+required01+`,"contentType":"image/png","data":"`+repeat("AAAA")+`"}`, structured10)
	f("bad base64 of 0.1", 1, `{`+required01+`,"contentType":"image/png","data":"`+repeat("AAAA")+`?"}`, structured10)
	f("no UTF-8", 0.1, `{`+required+`,"data":"`+repeat("x")+"\xff\"}", structured10)
	f("brackets", 0.1, repeat("["), batched)
	f("objects", 0.1, "["+repeat("{"), batched)
	f("plain", 0.3, wide, json)
}

// numbered are n members with a number and null.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"x%07d":null`, i)
	}
	return b.String()
}
