package invoke

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/event-gateway/event-gateway/store"
)

func awsKinesisType(c Credentials) store.FunctionType {
	own := []store.Field{{Name: "streamName", Required: true}, {Name: "partitionKey"}}
	return awsType("awskinesis", "AWS Kinesis function", own, c, checkKinesis)
}

func checkKinesis(p store.Provider) error {
	return cmp.Or(checkStream(p, "streamName", 128), checkAttribute(p, "partitionKey"))
}

// kinesisStream is a stream that gets events as records.
type kinesisStream struct {
	*awsFunction
	client *kinesis.Client
	name   string
	key    string // the attribute that becomes the partition key
}

func openKinesis(s store.Settings, e *Egress) (Invoker, error) {
	c, f, err := e.awsFunction(s, awsService{
		name: "AWS Kinesis", denied: "the call was denied", busy: "takes no more events of the stream for now",
		needs: "kinesis:PutRecord on the stream", noSuch: "stream", failed: "could not take the event",
	})
	if err == nil {
		err = checkKinesis(s.Provider)
	}
	if err != nil {
		return nil, err
	}
	k := &kinesisStream{awsFunction: f, client: kinesis.NewFromConfig(c), name: s.Text("streamName"), key: s.Text("partitionKey")}
	return k.invoke, nil
}

func (k *kinesisStream) invoke(ctx context.Context, p Payload) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, awsTimeout)
	defer cancel()
	call, err := k.begin(ctx)
	if err != nil {
		return nil, err
	}
	input := &kinesis.PutRecordInput{StreamName: &k.name, Data: p.Body, PartitionKey: aws.String(k.partition(p))}
	out, err := k.client.PutRecord(ctx, input, func(o *kinesis.Options) { o.HTTPClient, o.Credentials = call, call })
	if err != nil {
		return nil, call.failure(ctx, err)
	}
	return call.taken(out.SequenceNumber, struct {
		SequenceNumber string `json:"sequenceNumber"`
		ShardID        string `json:"shardId"`
	}{aws.ToString(out.SequenceNumber), aws.ToString(out.ShardId)})
}

// maxPartitionKey is in characters.
const maxPartitionKey = 256

func (k *kinesisStream) partition(p Payload) string {
	key := p.attribute(k.key)
	if key == "" {
		key = p.attribute("id")
	}
	if key == "" { // no event
		key = p.DeliveryID()
	}
	if utf8.RuneCountInString(key) > maxPartitionKey {
		return digest(key)
	}
	return key
}

// digest stands for a text that is too long, or has characters that a service does not take.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
