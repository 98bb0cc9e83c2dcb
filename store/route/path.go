package route

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxPath is the longest path of a request, in bytes as sent.
const maxPath = 8 << 10

var (
	errPathLength  = errors.New("path is longer than 8192 bytes")
	errPathStart   = errors.New(`path must start with "/"`)
	errPathEscape  = errors.New("path has a bad percent escape")
	errPathUTF8    = errors.New("path is not valid UTF-8")
	errPathControl = errors.New("path has a control character")
	errPathEmpty   = errors.New("path has an empty segment")
	errPathDot     = errors.New(`path has a "." segment`)
	errPathDotDot  = errors.New(`path has a ".." segment`)
)

// Canonical returns the one form of a request's path, or of a subscription's,
// that the router, the authorizer, the event and the metrics see. It takes the
// path as it is on the wire, such as [net/url.URL.EscapedPath] gives it.
//
// Percent escapes are decoded, except that an escaped slash stays the text
// "%2F" and an escaped percent sign stays "%25". So a slash in the result
// always parts two segments, every "%" in it starts one of these two, two paths
// of different meaning never become the same, and the result is canonical
// itself. A slash at the end is kept and has a meaning.
//
// The error says what is wrong with the path, in words fit for its sender: no
// "/" at the start, a bad escape, a control character or invalid UTF-8 (escaped
// or not), a segment that is empty, "." or ".." (escaped or not), or more than
// 8 KiB. A path that is canonical already is returned without an allocation.
func Canonical(escaped string) (string, error) {
	if len(escaped) > maxPath {
		return "", errPathLength
	}
	if !strings.HasPrefix(escaped, "/") {
		return "", errPathStart
	}
	path, err := unescape(escaped)
	if err != nil {
		return "", err
	}
	// The checks come after the decoding, or an escape would pass them.
	if !utf8.ValidString(path) {
		return "", errPathUTF8
	}
	if strings.ContainsFunc(path, unicode.IsControl) {
		return "", errPathControl
	}
	if err := checkSegments(path[1:]); err != nil {
		return "", err
	}
	return path, nil
}

// unescape decodes all escapes but those of the slash and the percent sign,
// which it only spells in one way. It returns s itself if nothing changes.
func unescape(s string) (string, error) {
	var out []byte
	done := 0 // s[:done] is in out
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		if len(s) < i+3 {
			return "", errPathEscape
		}
		b, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", errPathEscape
		}
		if text := spell(byte(b)); text != s[i:i+3] {
			out = append(append(out, s[done:i]...), text...)
			done = i + 3
		}
		i += 2
	}
	if done == 0 {
		return s, nil
	}
	return string(append(out, s[done:]...)), nil
}

// spell returns how a byte that came escaped is written in a canonical path.
func spell(b byte) string {
	switch b {
	case '/':
		return "%2F"
	case '%':
		return "%25"
	}
	return string([]byte{b})
}

// checkSegments looks at each segment of a path, given without its first slash.
func checkSegments(path string) error {
	for more := true; more; {
		var segment string
		segment, path, more = strings.Cut(path, "/")
		switch {
		case segment == "" && more: // at the end it is a trailing slash
			return errPathEmpty
		case segment == ".":
			return errPathDot
		case segment == "..":
			return errPathDotDot
		}
	}
	return nil
}
