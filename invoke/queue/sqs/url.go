package sqs

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Options are what a URL says.
type Options struct {
	URL        string // of the queue; a name: requests go to the endpoint
	DeadLetter string // URL of the queue for what cannot be delivered
	Region     string // "": as in AWS's environment and files
	Endpoint   string // "": AWS's own, or that of the environment
	Attempts   int    // how often a delivery is tried
	// Visibility is how long nobody else gets a message that a server has in hand. It stops delivering some seconds before that is over.
	Visibility time.Duration
}

const (
	defaultAttempts, maxAttempts                    = 8, 100
	defaultVisibility, minVisibility, maxVisibility = 2 * time.Minute, 10 * time.Second, 12 * time.Hour
)

// ParseURL reads sqs://QUEUE-URL?PARAMETERS: dead-letter, the name of a queue of the same account and region, which there has to be; region; endpoint; attempts; visibility. The queue's
// URL may be with or without its https://.
func ParseURL(raw string) (Options, error) {
	o, err := parseURL(raw)
	if err != nil {
		return Options{}, fmt.Errorf("the URL of the queue: %w", err)
	}
	return o, nil
}

func parseURL(raw string) (o Options, err error) {
	name, scheme := strings.TrimPrefix(raw, "sqs://"), "https"
	for _, s := range []string{"https", "http"} {
		if rest, found := strings.CutPrefix(name, s+"://"); found {
			name, scheme = rest, s
		}
	}
	u, err := url.Parse(scheme + "://" + name)
	if err != nil || !strings.HasPrefix(raw, "sqs://") { // which may hold a password
		return o, errors.New("it is not like sqs://sqs.us-east-1.amazonaws.com/123456789012/NAME?dead-letter=NAME")
	}
	at := strings.LastIndexByte(u.Path, '/')
	switch {
	case strings.HasSuffix(u.Path, ".fifo"):
		return o, errors.New("it is a FIFO queue, which cannot hold back single messages: use a standard queue")
	case u.User != nil:
		return o, errors.New("it has a user or a password: credentials come from AWS's environment, files or role")
	case u.Fragment != "", u.Host == "", at < 0 || !isName(u.Path[at+1:]):
		return o, errors.New("it is not like sqs://sqs.us-east-1.amazonaws.com/123456789012/NAME?dead-letter=NAME")
	}
	o.Attempts, o.Visibility = defaultAttempts, defaultVisibility
	if err := o.parseQuery(u.RawQuery); err != nil {
		return o, err
	}
	switch region := regionOf(u.Hostname()); {
	case u.Port() != "" || region == "":
	case o.Region == "":
		o.Region = region
	case o.Region != region:
		return o, fmt.Errorf("region is %s, but the queue is in %s", o.Region, region)
	}
	u.RawQuery, u.ForceQuery = "", false
	o.URL = u.String()
	if o.DeadLetter == "" {
		return o, errors.New("it needs dead-letter=NAME, the queue for what cannot be delivered")
	}
	if o.DeadLetter == u.Path[at+1:] {
		return o, errors.New("dead-letter is the queue itself")
	}
	u.Path = u.Path[:at+1] + o.DeadLetter
	o.DeadLetter = u.String()
	return o, nil
}

func (o *Options) parseQuery(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return errors.New("its parameters cannot be read")
	}
	for parameter, values := range query {
		value := values[len(values)-1]
		want := ""
		switch parameter {
		case "dead-letter":
			o.DeadLetter, want = value, unless(isName(value), "the name of a queue that is no FIFO queue")
		case "region":
			o.Region, want = value, unless(matches(`^[a-z0-9-]+$`, value), "the name of a region such as eu-west-1")
		case "endpoint":
			o.Endpoint, want = value, unless(matches(`^https?://[^/?#@]+/?$`, value), "a URL such as http://host:4566")
		case "attempts":
			o.Attempts, err = strconv.Atoi(value)
			want = unless(err == nil && o.Attempts >= 1 && o.Attempts <= maxAttempts, fmt.Sprintf("a number from 1 to %d", maxAttempts))
		case "visibility":
			o.Visibility, err = time.ParseDuration(value)
			want = unless(err == nil && o.Visibility >= minVisibility && o.Visibility <= maxVisibility && o.Visibility%time.Second == 0, "a time in whole seconds from 10s to 12h")
		default:
			return fmt.Errorf("there is no parameter %.40q: there are dead-letter, region, endpoint, attempts and visibility", parameter)
		}
		switch {
		case len(values) > 1:
			return fmt.Errorf("%s is there twice", parameter)
		case want != "":
			return fmt.Errorf("%s is not %s", parameter, want)
		}
	}
	return nil
}

func unless(ok bool, want string) string {
	if ok {
		return ""
	}
	return want
}

// isName says whether a queue can have this name. FIFO queues, whose names have a dot, delay no single message.
func isName(name string) bool { return matches(`^[a-zA-Z0-9_-]{1,80}$`, name) }

func matches(pattern, s string) bool {
	ok, err := regexp.MatchString(pattern, s)
	return ok && err == nil
}

// regionOf returns the region in a host name of AWS, or "".
func regionOf(host string) string {
	labels := strings.Split(host, ".")
	for i, label := range labels {
		switch {
		case (label == "sqs" || label == "sqs-fips") && i+2 < len(labels): // sqs.REGION.amazonaws.com, vpce-ID.sqs.REGION.vpce.amazonaws.com
			return labels[i+1]
		case label == "queue" && i > 0: // REGION.queue.amazonaws.com
			return labels[i-1]
		}
	}
	return ""
}

// name returns the last part of the URL of a queue.
func name(queue string) string { return queue[strings.LastIndexByte(queue, '/')+1:] }
