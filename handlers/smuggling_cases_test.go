package handlers_test

import (
	"fmt"
	"strings"
)

const oddRequestLines = "HTTP versions and request lines"

const length, chunked = "Content-Length: SHORT\r\n", "Transfer-Encoding: chunked\r\n"

// attacks are the requests whose framing readers may see in two ways, by family.
func attacks() []attack {
	var all []attack
	add := func(family, start, headers, body string) {
		all = append(all, attack{family, start, headers, body, second})
	}
	// both has a length and something that may be or not be a coding: who goes by one of them finds a second request.
	both := func(family, start string, codings ...string) {
		for _, coding := range codings {
			add(family, start, "Content-Length: SHORT\r\n"+coding, "SIZE\r\nSECOND\r\n0\r\n\r\n")
			add(family, start, coding+"Content-Length: LONG\r\n", "0\r\n\r\nSECOND")
		}
	}
	for _, family := range codings() {
		both(family.name, first, family.cases...)
	}
	for _, start := range versions() {
		both(oddRequestLines, start, chunked, "Connection: keep-alive\r\n"+chunked)
		add(oddRequestLines, start, "Connection: keep-alive\r\n"+chunked, "SECOND")
		add(oddRequestLines, start, "Connection: keep-alive\r\n"+chunked, "0\r\n\r\nSECOND")
	}
	// lengths are read in two ways, or by some readers not at all.
	for _, family := range lengths() {
		for _, headers := range family.cases {
			add(family.name, first, headers, "12345SECOND")
			add(family.name, first, strings.ReplaceAll(headers, "SHORT", "LONG"), "SECOND")
		}
	}
	for _, family := range chunks() {
		for _, body := range family.cases {
			add(family.name, first, chunked, body+"SECOND")
			add(family.name, first, chunked, body+"\r\nSECOND")
			add(family.name, first, chunked, body+"\r\n12345\r\n0\r\n\r\nSECOND")
			add(family.name, first, length+chunked, body+"\r\n12345\r\n0\r\n\r\nSECOND")
		}
	}
	// Who waits for 100 Continue may send no body after another answer.
	for _, expect := range []string{"100-continue", "100-Continue", " 100-continue ", "100-continue, x", "200-ok", "x"} {
		add("Expect", "POST /a/../b HTTP/1.1\r\nHost: localhost\r\n", "Expect: "+expect+"\r\nContent-Length: LONG\r\n", "SECOND")
		add("Expect", "POST /a/../b HTTP/1.1\r\nHost: localhost\r\n", "Expect: "+expect+"\r\n"+length, "12345SECOND")
	}
	return all
}

type family struct {
	name  string
	cases []string
}

var spaces = []string{"", " ", "  ", "\t", " \t ", "\v", "\f", "\x00", "\b", "\x1f", "\x7f", "\x85", "\xa0", "\u0085", "\u00a0", "\u2003",
	"\ufeff"}

// codings are headers that some reader takes for a chunked coding.
func codings() []family {
	const name = "Transfer-Encoding"
	var spacing, cases, names []string
	for _, before := range spaces {
		spacing = append(spacing, name+before+": chunked\r\n", before+name+": chunked\r\n")
		for _, after := range spaces {
			spacing = append(spacing, name+":"+before+"chunked"+after+"\r\n")
		}
	}
	for _, n := range []string{name, strings.ToLower(name), strings.ToUpper(name), "tRANSFER-eNCODING", "Tran\u017ffer-Encoding"} {
		for _, v := range []string{"chunked", "Chunked", "CHUNKED", "cHuNKeD", "chun\u212aed"} {
			cases = append(cases, n+": "+v+"\r\n")
		}
	}
	for c := range 256 {
		if b := string([]byte{byte(c)}); splits(b) {
			names = append(names, name+b+": chunked\r\n", "Transfer"+b+"Encoding: chunked\r\n", "Transfer-"+b+"Encoding: chunked\r\n",
				b+name+": chunked\r\n", name+": chunked"+b+"\r\n")
		}
	}
	values := []string{
		"chunked, chunked", "chunked,chunked", "gzip, chunked", "chunked, gzip", "identity, chunked", "chunked, identity", "identity", "",
		"chunked,", ",chunked", ", chunked",
		"chunked;q=1", "chunked; q=0", "chunked;", ";chunked", `"chunked"`, "'chunked'", "chunked identity", "chunked chunked", "x-chunked",
		"xchunked", "chunkedx", "chunk", "[chunked]",
		"deflate", "compress, chunked", "trailers, chunked", "chunked/1.0", "(x) chunked", "chunked (x)", `chunked"`, `\chunked`,
		"chunked=", "c hunked", "%63hunked", "chunked%00",
	}
	lists, twice := []string{}, []string{}
	for _, v := range values {
		lists = append(lists, name+": "+v+"\r\n")
		twice = append(twice, name+": "+v+"\r\n"+chunked, chunked+name+": "+v+"\r\n", chunked+strings.ToLower(name)+": "+v+"\r\n")
	}
	return []family{
		{"spacing of Transfer-Encoding", spacing}, {"case of Transfer-Encoding", cases}, {"characters in Transfer-Encoding", names},
		{"lists of codings", lists}, {"Transfer-Encoding twice", twice},
		{"folded lines", []string{
			name + ":\r\n chunked\r\n", name + ":\r\n\tchunked\r\n", name + ": chunked\r\n \r\n", name + ": x\r\n chunked\r\n",
			name + ": chunked\r\n x\r\n", name + ": chunked,\r\n chunked\r\n",
			":" + name + ": chunked\r\n", name + ":: chunked\r\n", name + "\r\n : chunked\r\n", name + "\r\n: chunked\r\n",
			name + ": chun\r\n ked\r\n",
		}},
		{"line ends", []string{
			name + ": chunked\n", name + ": chunked\r\r\n", "X: y\rTransfer-Encoding: chunked\r\n", "X: y\nTransfer-Encoding: chunked\r\n",
			"X: y\n\rTransfer-Encoding: chunked\r\n",
			name + ":\nchunked\r\n", name + ":\rchunked\r\n", "X: y\x00\nTransfer-Encoding: chunked\r\n",
			"\rTransfer-Encoding: chunked\r\n", name + "\r: chunked\r\n",
		}},
	}
}

// versions are request lines: all readers may not go by the codings, or by the lengths, of each.
func versions() []string {
	var all []string
	for _, v := range []string{
		"HTTP/1.0", "HTTP/1.1", "HTTP/1.2", "HTTP/1.9", "HTTP/1.10", "HTTP/1.01", "HTTP/01.1", "HTTP/0.9", "HTTP/0.0", "HTTP/2.0",
		"HTTP/3.0", "HTTP/2", "HTTP/1", "HTTP/1.", "http/1.1",
		"HTTP/1.1 ", "HTTP/1.1\t", " HTTP/1.1", "HTTP/1,1", "HTTP/-1.1", "HTTP/+1.1", "HTTP/1.1x", "HTTP/1.1\x00", "HTTPS/1.1",
		"HTTP/1.1 HTTP/1.0", "HTTP/1.0 HTTP/1.1", "",
	} {
		all = append(all, "POST /first "+v+"\r\nHost: localhost\r\n")
	}
	return append(all, "POST\t/first HTTP/1.1\r\nHost: localhost\r\n", "POST /first\tHTTP/1.1\r\nHost: localhost\r\n", "\r\n"+first,
		"\n"+first, " "+first, "\x00"+first, "POST /first HTTP/1.1\nHost: localhost\r\n",
		"GET /first HTTP/1.1\r\nHost: localhost\r\n", "HEAD /first HTTP/1.1\r\nHost: localhost\r\n",
		"DELETE /first HTTP/1.1\r\nHost: localhost\r\n", "CONNECT /first HTTP/1.1\r\nHost: localhost\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n", "POST http://localhost/first HTTP/1.1\r\nHost: localhost\r\n",
		"post /first HTTP/1.1\r\nHost: localhost\r\n", "PRI * HTTP/2.0\r\nHost: localhost\r\n",
		"GET /a/../b HTTP/1.1\r\nHost: localhost\r\n", "POST /nothing HTTP/1.1\r\nHost: localhost\r\n")
}

// lengths are headers that some readers take for a length of SHORT, and others for another one or none.
func lengths() []family {
	const name = "Content-Length"
	var spacing, values, names []string
	for _, s := range spaces {
		if strings.Trim(s, " \t") != "" {
			spacing = append(spacing, name+s+": SHORT\r\n", s+name+": SHORT\r\n", name+":"+s+"SHORT\r\n", name+": SHORT"+s+"\r\n",
				name+": 0"+s+"SHORT\r\n")
		} else if s != "" {
			spacing = append(spacing, name+s+": SHORT\r\n", name+": 0"+s+"SHORT\r\n", name+": SHORT"+s+"0\r\n")
		}
	}
	for _, v := range []string{
		"+SHORT", "-SHORT", "--SHORT", "+0SHORT", "-0", "0xHEX", "0XHEX", "HEXh", "0bSHORT", "0o5", "SHORT.0", "SHORT.", ".SHORT",
		"SHORTe0", "0e1", "1e0", "SHORT_0", "0_SHORT", "", "\"SHORT\"", "'SHORT'",
		"SHORT;", "SHORT; x", "SHORTx", "xSHORT", "SHORT,", ",SHORT", "SHORT, 0", "0, SHORT", "SHORT,SHORT", "SHORT, SHORT", "SHORT SHORT",
		"SHORT 0", "NaN", "Infinity", "chunked", "(x) SHORT", "SHORT (x)", "\u0665", "\uff15",
		"18446744073709551616", "18446744073709551621", "9223372036854775808", "-9223372036854775808", "4294967296SHORT",
		"99999999999999999999999999", "0x7fffffffffffffff", "-1", "+", "-", "=5", "%35",
	} {
		values = append(values, name+": "+v+"\r\n")
	}
	for c := range 256 {
		if b := string([]byte{byte(c)}); splits(b) && strings.Trim(b, " \t") != "" {
			names = append(names, name+b+": SHORT\r\n", "Content"+b+"Length: SHORT\r\n", name+": SHORT"+b+"\r\n")
		}
	}
	var twice []string
	for _, v := range []string{"0", "LONG", "-SHORT", "x", "", "0SHORT", "+SHORT", "18446744073709551616", "SHORT, SHORT"} {
		twice = append(twice, length+name+": "+v+"\r\n", name+": "+v+"\r\n"+length, length+"content-length: "+v+"\r\n",
			length+length+name+": "+v+"\r\n")
	}
	return []family{
		{"spacing of Content-Length", spacing}, {"signs, hex, overflow and lists of Content-Length", values},
		{"characters in Content-Length", names}, {"Content-Length twice", twice},
		{"folded lines", []string{name + ": SHORT\r\n 0\r\n", name + ": SHORT\r\n , 0\r\n", name + "\r\n : SHORT\r\n", name + ": 0\r\n SHORT\r\n"}},
	}
}

// chunks are first lines of a chunked body, and whole last ones, that readers may see in two ways.
func chunks() []family {
	var extensions, trailers []string
	sizes := []string{
		"5", "05", "0000000000000005", "00000000000000005", "0x5", "0X5", "x5", "5h", "+5", "-5", "-0", "+0", "0x0", "00",
		"000000000000000000", "", " ", "5.0", "5,", "5 5", "5_", "g", "G5", "\"5\"", "5\x00", "\x005", "5\v", "\f5",
		"10000000000000005", "ffffffffffffffff", "FFFFFFFFFFFFFFFFF", "7fffffffffffffff", "8000000000000000", "100000005",
		"fffffffffffffffb", "80000005", "5\xa0", "\uff15", "0 5", "0\t5", " 5", "\t5", "5 ", "5\t",
	}
	for _, e := range []string{
		";", ";a", ";a=b", ";a=\"b\"", ";a=\"\\\"\"", ";a=\"", ";a=\"\r\n\"", ";\n", ";\r", ";a\n", ";a\rb", ";\x00", " ;a", ";  a = b",
		";a;b;c", ";=", ";\"", ";a=b\nx", "\n", "\r", "\n\r", "\r\r", ",a", " a", ";\x7f", ";\u2028",
		";" + strings.Repeat("a", 5000), strings.Repeat(";a", 4000), ";0\r\n\r\n",
	} {
		extensions = append(extensions, "5"+e, "0"+e)
	}
	for _, h := range []string{
		"Content-Length: 5", "Transfer-Encoding: chunked", "Transfer-Encoding: identity", "Host: evil", "X: y", "X : y", " X: y", ": y",
		"X", "X: y\nZ: 1", "X: y\rZ: 1", "X: y\r\n Z: 1", "\x00: y", "X: \x00", "GET /first HTTP/1.1",
		"Trailer: X", "Connection: keep-alive", "Expect: 100-continue", "X: " + strings.Repeat("y", 5000),
	} {
		trailers = append(trailers, "0\r\n"+h+"\r\n", "0\r\n"+h+"\n")
	}
	trailers = append(trailers, "0", "0\n", "0\r", "0\r\n\n", "0\r\n\r", "0\n\n", "0\n\r\n", "0\r\r\n\r\n")
	return []family{{"chunk sizes", sizes}, {"chunk extensions", extensions}, {"trailers", trailers}}
}

// splits reports whether a character makes another thing of a header's name than another name or, as ':' and LF do, two things.
func splits(c string) bool { return !isTokenByte(c[0]) && c != ":" && c != "\n" }

func isTokenByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// unambiguous are requests that have one end for all who keep to RFC 9112, with a second request behind it.
func unambiguous() []attack {
	var all []attack
	add := func(headers string) { all = append(all, attack{"unambiguous", first, headers, "12345SECOND", second}) }
	for _, headers := range []string{
		length, "content-length: SHORT\r\n", "Content-Length:SHORT\r\n", "Content-Length: \t SHORT \t\r\n",
		"Content-Length: 000000SHORT\r\n", length + length, "Connection: keep-alive\r\n" + length,
		length + "X: Transfer-Encoding: chunked\r\n", length + "TE: chunked\r\n", length + "Trailer: X\r\n",
		length + "Content-Encoding: chunked\r\n", length + "Accept-Encoding: chunked\r\n",
		length + "Transfer:Encoding: chunked\r\n", length + "Transfer-:Encoding: chunked\r\n", length + "Content:Length: 0\r\n",
		// A folded line goes on as the value of the line before (5.2), and LF alone may end a line (2.2).
		length + "X: y\r\n Transfer-Encoding: chunked\r\n", length + "X: y\r\n\tTransfer-Encoding: chunked\r\n",
		length + "X: y\r\n Content-Length: 0\r\n", "X: y\nContent-Length: SHORT\r\n", "Content-Length: SHORT\n",
		length + "Expect: 100-continue\r\n", length + "Connection: Upgrade\r\nUpgrade: h2c\r\n", length + "Connection: Transfer-Encoding\r\n",
	} {
		add(headers)
	}
	for c := range 128 {
		if isTokenByte(byte(c)) {
			add(fmt.Sprintf("%sTransfer-Encoding%c: chunked\r\n", length, c))
			add(fmt.Sprintf("%s%cTransfer-Encoding: chunked\r\n", length, c))
			add(fmt.Sprintf("%sContent%cLengths: 0\r\n", length, c))
		}
		if isTokenByte(byte(c)) && c != '-' {
			add(fmt.Sprintf("%sTransfer%cEncoding: chunked\r\n", length, c))
			add(fmt.Sprintf("%sContent%cLength: 0\r\n", length, c))
		}
	}
	all = append(all, attack{"unambiguous", "GET /second/90000 HTTP/1.1\r\nHost: localhost\r\n", "", "SECOND", strings.Replace(second,
		"@@@@@", "99999", 1)})
	return all
}
