package queue_test

import (
	"testing"

	"github.com/event-gateway/event-gateway/invoke/queue"
	"github.com/event-gateway/event-gateway/invoke/queue/queuetest"
)

// TestMemory runs the part of the suite that is for queues of one process.
func TestMemory(t *testing.T) {
	queuetest.Run(t, func(*testing.T) *queuetest.Place {
		return &queuetest.Place{Open: func(_ *testing.T, deliver queue.Deliver) queue.Queue {
			return queue.NewMemory(queue.Options{Size: 10_000, Bytes: 1 << 20, Lane: 32}, deliver)
		}}
	})
}
