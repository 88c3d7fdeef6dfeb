package kredivotest_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// A test of a shop, with the shop's own OnEvent. In a real one t is the *testing.T that go test gives it.
func Example() {
	t := newT()
	defer t.end()

	status := map[string]string{"1001": "unpaid"} // the shop's books
	apply := func(_ context.Context, e kredivo.Event) error {
		if e.Kind == kredivo.PaymentSucceeded {
			status[e.OrderID] = "paid"
		}
		return nil
	}

	shop := kredivotest.New(t, func(c *kredivotest.Config) { c.Plugin.OnEvent = apply })
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "buyer-7")); err != nil {
		t.Fatalf("checkout: %v", err)
	}
	fmt.Println(status["1001"])
	shop.Pay("1001")                                 // as the shopper does on Kredivo's page
	e := shop.Wait("1001", kredivo.PaymentSucceeded) // apply has returned nil
	fmt.Println(status["1001"], e.Amount.Format())
	// Output:
	// unpaid
	// paid Rp150.000
}

// exampleT is as much of a testing.TB as the example needs, which has none.
type exampleT struct {
	testing.TB // nil: other methods must not be called

	dir      string
	cleanups []func()
}

func newT() *exampleT {
	dir, err := os.MkdirTemp("", "kredivotest")
	if err != nil {
		panic(err)
	}
	return &exampleT{dir: dir}
}

func (t *exampleT) Helper()                      {}
func (t *exampleT) Context() context.Context     { return context.Background() }
func (t *exampleT) TempDir() string              { return t.dir }
func (t *exampleT) Cleanup(f func())             { t.cleanups = append(t.cleanups, f) }
func (t *exampleT) Errorf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }
func (t *exampleT) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }

// end does what go test does after a test.
func (t *exampleT) end() {
	for len(t.cleanups) > 0 {
		last := len(t.cleanups) - 1
		f := t.cleanups[last]
		t.cleanups = t.cleanups[:last]
		f()
	}
	_ = os.RemoveAll(t.dir)
}
