package lambdatest

import (
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json"
)

// record is a message as a function gets it (docs.aws.amazon.com/lambda, "Using Lambda with Amazon SQS").
type record struct {
	MessageID     string               `json:"messageId"`
	ReceiptHandle string               `json:"receiptHandle"`
	Body          string               `json:"body"`
	Attributes    map[string]string    `json:"attributes"`
	Own           map[string]attribute `json:"messageAttributes"`
	MD5           string               `json:"md5OfBody"`
	Source        string               `json:"eventSource"`
	ARN           string               `json:"eventSourceARN"`
	Region        string               `json:"awsRegion"`
}

// attribute is one that the sender has set. There are none here.
type attribute struct{}

// payload returns the event of the messages.
func (s *mapped) payload(messages []types.Message) []byte {
	arn := strings.Split(s.arn, ":") // arn:aws:sqs:REGION:ACCOUNT:NAME
	region := ""
	if len(arn) > 3 {
		region = arn[3]
	}
	records := make([]record, len(messages))
	for i, m := range messages {
		records[i] = record{
			MessageID: aws.ToString(m.MessageId), ReceiptHandle: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body), MD5: aws.ToString(m.MD5OfBody),
			Attributes: m.Attributes, Own: map[string]attribute{}, Source: "aws:sqs", ARN: s.arn, Region: region,
		}
	}
	b, err := json.Marshal(map[string][]record{"Records": records})
	if err != nil {
		panic(err) // strings, of which the SDK has made UTF-8
	}
	return b
}

var errNoReport = errors.New("the answer does not say what failed: the whole batch did")

// failures reads the answer of a function: the ids of the messages that failed. An answer of nothing says that none did.
func failures(answer []byte, messages []types.Message) (failed map[string]bool, err error) {
	var report struct {
		Failures []struct {
			ID string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if len(answer) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(answer, &report); err != nil {
		return nil, errNoReport
	}
	there := map[string]bool{}
	for _, m := range messages {
		there[aws.ToString(m.MessageId)] = true
	}
	failed = map[string]bool{}
	for _, f := range report.Failures {
		if !there[f.ID] {
			return nil, errNoReport
		}
		failed[f.ID] = true
	}
	return failed, nil
}
