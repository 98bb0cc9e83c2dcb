package invoke

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"github.com/event-gateway/event-gateway/store"
)

func awsFirehoseType(c Credentials) store.FunctionType {
	return awsType("awsfirehose", "AWS Firehose function", []store.Field{{Name: "deliveryStreamName", Required: true}}, c, checkFirehose)
}

func checkFirehose(p store.Provider) error { return checkStream(p, "deliveryStreamName", 64) }

// firehoseStream is a delivery stream that gets events as records.
type firehoseStream struct {
	*awsFunction
	client *firehose.Client
	name   string
}

func openFirehose(s store.Settings, e *Egress) (Invoker, error) {
	c, f, err := e.awsFunction(s, awsService{
		name: "AWS Firehose", denied: "the call was denied", busy: "takes no more events of the stream for now",
		needs: "firehose:PutRecord on the stream", noSuch: "delivery stream", failed: "could not take the event",
	})
	if err == nil {
		err = checkFirehose(s.Provider)
	}
	if err != nil {
		return nil, err
	}
	h := &firehoseStream{awsFunction: f, client: firehose.NewFromConfig(c), name: s.Text("deliveryStreamName")}
	return h.invoke, nil
}

func (h *firehoseStream) invoke(ctx context.Context, p Payload) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, awsTimeout)
	defer cancel()
	call, err := h.begin(ctx)
	if err != nil {
		return nil, err
	}
	input := &firehose.PutRecordInput{DeliveryStreamName: &h.name, Record: &types.Record{Data: line(p.Body)}}
	out, err := h.client.PutRecord(ctx, input, func(o *firehose.Options) { o.HTTPClient, o.Credentials = call, call })
	if err != nil {
		return nil, call.failure(ctx, err)
	}
	return call.taken(out.RecordId, struct {
		RecordID string `json:"recordId"`
	}{aws.ToString(out.RecordId)})
}

// line returns a JSON text as a line: Firehose puts one record right behind the other. Line breaks in JSON are white space, since those of
// strings are escaped.
func line(text []byte) []byte {
	b := make([]byte, len(text)+1)
	copy(b, text)
	for i, c := range b {
		if c == '\n' || c == '\r' {
			b[i] = ' '
		}
	}
	b[len(text)] = '\n'
	return b
}
