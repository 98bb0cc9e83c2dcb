package event

import (
	"net/http"
	"strings"
	"time"
)

// isBinary01 reports whether a request is a CloudEvent 0.1 in binary mode. As in 2018, it needs all that is required.
func isBinary01(h http.Header) bool {
	for _, name := range [...]string{"Ce-Cloudeventsversion", "Ce-Eventtype", "Ce-Eventid", "Ce-Source"} {
		if values := h[name]; len(values) == 0 || values[0] == "" {
			return false
		}
	}
	return true
}

// fromBinary01 reads a CloudEvent 0.1 in binary mode (its HTTP transport binding, 3.1). Other headers than those of its
// attributes and extensions say nothing.
func fromBinary01(attributes []attributeHeader, contentType string, body []byte, received time.Time) (*Event, error) {
	p := structured{event: &Event{Kind: CloudEvent, Received: received}}
	for _, a := range attributes {
		var err error
		if rest, ok := strings.CutPrefix(a.name, "x-"); ok {
			err = p.setExtensionHeader01(a.name, rest, a.value)
		} else if name := attributeOfHeader01(a.name); name != "" {
			err = p.event.setHeader01(name, a.value)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := p.event.checkRequired("source", "eventID", "eventType"); err != nil {
		return nil, err
	}
	return p.event, p.event.setBody("contentType", contentType, body)
}

// attributeOfHeader01 returns the attribute of a header, whose name is without ce- and in lower case. The content type
// is none of them.
func attributeOfHeader01(header string) string {
	switch header {
	case "cloudeventsversion":
		return "cloudEventsVersion"
	case "eventid":
		return "eventID"
	case "source":
		return "source"
	case "eventtype":
		return "eventType"
	case "eventtypeversion":
		return "eventTypeVersion"
	case "eventtime":
		return "eventTime"
	case "schemaurl":
		return "schemaURL"
	}
	return ""
}

func (e *Event) setHeader01(name, value string) error {
	// A URI has no characters to be encoded, and many that are: senders leave it as it is.
	text := unquoteHeader(value)
	if name != "source" && name != "schemaURL" {
		text = headerText(value)
	}
	text, err := cleanText(name, text)
	if err != nil {
		return err
	}
	return e.setAttribute01(name, text)
}

// setExtensionHeader01 adds an extension. The case of a header's name was lost on the way, so that only the 1.0 form of
// the name is left.
func (p *structured) setExtensionHeader01(header, name, value string) error {
	legal := legalName(name)
	if !isToken(name) || legal == "" {
		return invalidAttribute(header, "is not a name: only letters and digits are")
	}
	text, err := cleanText(header, headerText(value))
	if err != nil {
		return err
	}
	return p.extension01(legal, appendString(nil, text))
}
