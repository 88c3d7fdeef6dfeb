package doku

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A vector is one message of testdata/vectors.json, signed by DOKU's own libraries in PHP, Node and Java.
type vector struct {
	Name      string  `json:"name"`
	ClientID  string  `json:"client_id"`
	Secret    Secret  `json:"secret"`
	RequestID string  `json:"request_id"`
	Label     string  `json:"timestamp_label"`
	Timestamp string  `json:"timestamp"`
	Target    string  `json:"request_target"`
	Body      *string `json:"body"`
	Digest    *string `json:"digest"`
	Signature string  `json:"signature"`
}

func (v vector) components() Components {
	c := Components{
		ClientID:  v.ClientID,
		RequestID: v.RequestID,
		Timestamp: v.Timestamp,
		Target:    v.Target,
		Response:  v.Label == headerResponseTimestamp,
	}
	if v.Body != nil {
		c.Body = []byte(*v.Body)
	}
	return c
}

// vectors returns the vectors by name.
func vectors(t testing.TB) map[string]vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]vector)
	for _, v := range list {
		all[v.Name] = v
	}
	if len(all) != 5 {
		t.Fatalf("%d vectors, want 5", len(all))
	}
	return all
}

const (
	testClient = "MCH-0001-10791114622547"
	testSecret = Secret("SK-testSecretKey0123456789")
	testTarget = "/payments/notifications"
)

// testTime is the time on every injected clock.
var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
