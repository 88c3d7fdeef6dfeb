package doku

import "testing"

func BenchmarkVerify(b *testing.B) {
	v := newTestVerifier(b)
	h, body := notification(b)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if err := v.Verify(h, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyForged(b *testing.B) {
	v := newTestVerifier(b)
	h, body := notification(b)
	h.Set("Request-Id", "another")
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Verify(h, body); err == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkVerifyParallel(b *testing.B) {
	v := newTestVerifier(b)
	h, body := notification(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if v.Verify(h, body) != nil {
				b.Error("refused")
			}
		}
	})
}

func BenchmarkParseNotification(b *testing.B) {
	_, body := notification(b)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := ParseNotification(body); err != nil {
			b.Fatal(err)
		}
	}
}

// What one checkout costs before the network: validate, encode, sign.
func BenchmarkEncodeAndSign(b *testing.B) {
	r := fullOrder()
	k := newKey(testSecret)
	b.ReportAllocs()
	for b.Loop() {
		body, err := r.Encode()
		if err != nil {
			b.Fatal(err)
		}
		k.sign(&Components{ClientID: testClient, RequestID: testRequestID, Timestamp: "2026-01-02T03:04:05Z", Target: generatePath, Body: body})
	}
}
