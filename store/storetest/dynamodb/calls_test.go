package dynamodb_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

// step is a call and its answer.
type step struct {
	request request
	want    string
	moto    string // why moto answers otherwise; "": it does not
}

func same(r request, want string) step { return step{r, want, ""} }

func differs(r request, want, why string) step { return step{r, want, why} }

// Why moto differs, if it does so in several places.
const (
	careless = "it does not mind"
	crashes  = "it answers with status 500"
	numbers  = "it keeps numbers as they are written"
	tokens   = "it does not look at tokens"
	whole    = "it refuses the call, not its first action"
	words    = "it says so in other words"
)

// TestCalls makes the same calls of this server and of moto, which is right in most things.
func TestCalls(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, url string, moto bool) {
		c := client(t, url, once())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		groups := [][]step{tableSteps(), itemSteps(), sizeSteps(), conditionSteps(), transactionSteps(), querySteps(), scanSteps()}
		for i, s := range slices.Concat(groups...) {
			got := show(s.request(ctx, c))
			switch same := got == s.want; {
			case moto && s.moto != "" && same:
				t.Errorf("step %d: moto answers as it should: %s", i, got)
			case moto && s.moto != "":
				t.Logf("step %d: moto differs: %s\n got %s\nwant %s", i, s.moto, got, s.want)
			case !same:
				t.Errorf("step %d:\n got %s\nwant %s", i, got, s.want)
			}
		}
	}
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		run(t, dynamodb.Start(t).URL(), false)
	})
	t.Run("moto", func(t *testing.T) {
		t.Parallel()
		run(t, startMoto(t), true)
	})
}

// The beginnings of errors.
const (
	invalid     = "ValidationException: "
	inCondition = invalid + "Invalid ConditionExpression: "
	oneOrMore   = invalid + "One or more parameter values were invalid: "
	emptyKey    = invalid + "One or more parameter values are not valid. " +
		"The AttributeValue for a key attribute cannot contain an empty string value. Key: "
	failed    = "ConditionalCheckFailedException: The conditional request failed"
	cancelled = "Transaction cancelled, please refer cancellation reasons for specific reasons "
)

func tableSteps() []step {
	return []step{
		same(describe, "ResourceNotFoundException: Requested resource not found: Table: events not found"),
		same(get(at("r", "a")), "ResourceNotFoundException: Requested resource not found"),
		same(create, "ok"),
		same(create, "ResourceInUseException: Table already exists: events"),
		same(describe, "[ACTIVE events [(AttributeName:realm KeyType:HASH) (AttributeName:key KeyType:RANGE)] PAY_PER_REQUEST "+
			"arn:aws:dynamodb:eu-west-1:123456789012:table/events 0 true]"),
		same(describeTTL, "(TimeToLiveDescription:(TimeToLiveStatus:DISABLED))"),
		differs(updateTTL("until", false), invalid+"TimeToLive is already disabled", careless),
		same(updateTTL("until", true), "(TimeToLiveSpecification:(AttributeName:until Enabled:true))"),
		differs(updateTTL("until", true), invalid+"TimeToLive is already enabled", careless),
		same(describeTTL, "(TimeToLiveDescription:(AttributeName:until TimeToLiveStatus:ENABLED))"),
	}
}
