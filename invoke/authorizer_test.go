package invoke

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzParseAuthorization: whatever an authorizer answers, what is taken of it is an object with a principal.
func FuzzParseAuthorization(f *testing.F) {
	f.Add(`{"authorization":{"principalId":"max","context":{"a":[1]}}}`)
	f.Add(`{"error":{"message":"no"}}`)
	f.Add(`{"authorization":{"principalId":"max"},"error":null}`)
	f.Fuzz(func(t *testing.T, answer string) {
		authorization, err := parseAuthorization([]byte(answer))
		if err != nil {
			if authorization != nil {
				t.Errorf("%q is refused, and taken", answer)
			}
			return
		}
		var said struct {
			PrincipalID string `json:"principalId"`
		}
		if json.Unmarshal(authorization, &said) != nil || said.PrincipalID == "" || !strings.HasPrefix(string(authorization), "{") {
			t.Errorf("%q became %s", answer, authorization)
		}
	})
}
