package event

import (
	"mime"
	"net/url"
	"strings"
	"unicode/utf8"
)

// TypeProblem says what is wrong with the name of an event type, "" if it is a good one. Names become parts of ids
// and of routes, so they have fewer characters than CloudEvents allows.
func TypeProblem(name string) string {
	if name == "" || len(name) > maxType {
		return "must have 1 to 128 characters"
	}
	for i := range len(name) {
		if c := name[i]; !isLetterOrDigit(c) && c != '.' && c != '-' && c != '_' {
			return "must have only letters, digits, '.', '-' and '_'"
		}
	}
	return ""
}

// isAttributeName reports whether CloudEvents 1.0, "Attribute Naming Convention", allows the name.
func isAttributeName[T string | []byte](name T) bool {
	for i := range len(name) {
		if c := name[i]; !isLetterOrDigit(c) || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return len(name) > 0
}

// legalName returns the attribute name that 1.0 has for a name of CloudEvents 0.1: its letters and digits in lower
// case, perhaps none.
func legalName(name string) string {
	if isAttributeName(name) {
		return name
	}
	return string(appendLegalName(nil, name))
}

func appendLegalName(dst []byte, name string) []byte {
	for i := range len(name) {
		if c := name[i]; isLetterOrDigit(c) {
			dst = append(dst, byte(toLower(rune(c))))
		}
	}
	return dst
}

// mediaType returns the media type of a Content-Type without its parameters (RFC 9110, 8.3.1).
func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.Trim(media, " \t")
}

// isMediaType reports whether s is a media type, with parameters or without, and can be an attribute. What the
// parameters say is not read.
func isMediaType(s string) bool {
	main, sub, _ := strings.Cut(mediaType(s), "/")
	return isToken(main) && isToken(sub) && utf8.ValidString(s) && textProblem(s) == ""
}

// isStrictMediaType is isMediaType for those who do read the parameters (RFC 9110, 5.6.6).
func isStrictMediaType(s string) bool {
	if !isMediaType(s) || !strings.Contains(s, ";") {
		return isMediaType(s)
	}
	_, _, err := mime.ParseMediaType(s)
	return err == nil
}

// isToken reports whether s is a token of RFC 9110, 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetterOrDigit(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// isJSON reports whether a content type declares JSON (CloudEvents JSON format, 3.1.1: */json and */*+json).
func isJSON(contentType string) bool {
	_, sub, _ := strings.Cut(mediaType(contentType), "/")
	const suffix = "+json"
	return equalFold(sub, "json") || len(sub) > len(suffix) && equalFold(sub[len(sub)-len(suffix):], suffix)
}

// isText reports whether a content type is one whose strings CloudEvents 0.1 writes as they are.
func isText(contentType string) bool {
	return hasPrefixFold(mediaType(contentType), "text/") || isForm(contentType)
}

// isForm reports whether a content type is one that browsers send forms in.
func isForm(contentType string) bool {
	media := mediaType(contentType)
	return equalFold(media, "application/x-www-form-urlencoded") || equalFold(media, "multipart/form-data")
}

// isURI reports whether s is a URI as CloudEvents wants it: with a scheme (RFC 3986, 3).
func isURI(s string) bool {
	i := strings.IndexAny(s, ":/?#")
	return i > 0 && s[i] == ':' && isURIReference(s)
}

// isURIReference reports whether s has the characters and the order of parts of a URI-reference (RFC 3986, 4.1).
// It does not look into host and port.
func isURIReference(s string) bool {
	if i := strings.IndexAny(s, ":/?#"); i >= 0 && s[i] == ':' {
		if !isScheme(s[:i]) {
			return false // the first segment of a relative path has no colon
		}
		s = s[i+1:]
	}
	if rest, ok := strings.CutPrefix(s, "//"); ok {
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		// Brackets are for IPv6 addresses only.
		if !hasOnly(rest[:end], ":@[]") || strings.ContainsAny(rest[:end], "[]") && !isBracketed(rest[:end]) {
			return false
		}
		s = rest[end:]
	}
	s, fragment, _ := strings.Cut(s, "#")
	return hasOnly(s, ":@/?") && hasOnly(fragment, ":@/?")
}

// isBracketed reports whether an authority has its brackets where an address has them (RFC 3986, 3.2.2).
func isBracketed(authority string) bool {
	_, err := url.Parse("//" + authority)
	return err == nil && strings.Count(authority, "[") == 1 && strings.Count(authority, "]") == 1
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isLetterOrDigit(c) && (i == 0 || c != '+' && c != '-' && c != '.') || i == 0 && isDigit(c) {
			return false
		}
	}
	return s != ""
}

// hasOnly reports whether s has only characters of extra, those that RFC 3986 allows in every part, and
// percent-encoded ones.
func hasOnly(s, extra string) bool {
	for i := range len(s) {
		c := s[i]
		if !isURIChar(c) && strings.IndexByte(extra, c) < 0 && !isEscape(s[i:]) {
			return false
		}
	}
	return true
}

// isURIChar reports whether c is unreserved or a sub-delim (RFC 3986, 2.2 and 2.3).
func isURIChar(c byte) bool {
	return isLetterOrDigit(c) || strings.IndexByte("-._~!$&'()*+,;=", c) >= 0
}

// isEscape reports whether s begins with a percent-encoded byte (RFC 3986, 2.1).
func isEscape(s string) bool {
	return len(s) > 2 && s[0] == '%' && isHex(s[1]) && isHex(s[2])
}

// pathReference returns a path as a URI-reference: what may not stand there is percent-encoded, what is encoded
// already stays. It is absolute, so that nothing in it is taken for a scheme.
func pathReference(path string) string {
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	const extra, hex = ":@/", "0123456789ABCDEF"
	if hasOnly(path, extra) {
		return path
	}
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if isURIChar(c) || strings.IndexByte(extra, c) >= 0 || isEscape(path[i:]) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// hasShape reports whether s is like shape, in which 0 stands for any digit and all else for itself.
func hasShape(s, shape string) bool {
	if len(s) != len(shape) {
		return false
	}
	for i := range len(s) {
		if shape[i] == '0' && !isDigit(s[i]) || shape[i] != '0' && s[i] != shape[i] {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool         { return '0' <= c && c <= '9' }
func isLetterOrDigit(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }
func isHex(c byte) bool           { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// hasPrefixFold reports whether s begins with prefix, which is in lower case. Only ASCII letters have case here.
func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && equalFold(s[:len(prefix)], prefix)
}

// equalFold is like hasPrefixFold. Unlike strings.EqualFold it takes no other letter for an ASCII one.
func equalFold(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(s) {
		if toLower(rune(s[i])) != rune(lower[i]) {
			return false
		}
	}
	return true
}

// toLower is for ASCII letters only: unicode.ToLower makes one of U+212A, the Kelvin sign.
func toLower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r | 0x20
	}
	return r
}
