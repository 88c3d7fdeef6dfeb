package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const patience = 30 * time.Second // for what takes milliseconds on an idle machine

// A tab is one tab of the browser. It fails its test when a page complains on the console, which is also
// where violations of a Content-Security-Policy show up.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// newShopper opens a tab in a fresh profile: no cookies, nothing cached.
func newShopper(t *testing.T) *tab {
	t.Helper()
	return open(t, chromium, chromedp.WithNewBrowserContext())
}

// another opens a second tab of the same shopper.
func (b *tab) another() *tab {
	b.t.Helper()
	return open(b.t, b.ctx)
}

func open(t *testing.T, parent context.Context, opts ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, opts...)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	command(b, log.Enable, cdp.Empty{})
	command(b, network.Enable, network.EnableParams{})
	command(b, runtime.Enable, cdp.Empty{})
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range b.complaints {
			t.Errorf("the browser complains: %s", c)
		}
	})
	return b
}

func (b *tab) listen(event any) {
	complaint := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		complaint = fmt.Sprintf("%s: %s (%s)", e.Entry.Level, e.Entry.Text, e.Entry.URL)
	case *runtime.EventConsoleAPICalled:
		complaint = fmt.Sprintf("console.%s", e.Type)
	case *runtime.EventExceptionThrown:
		complaint = e.ExceptionDetails.Text
	case *network.EventLoadingFailed:
		if !e.Canceled {
			complaint = fmt.Sprintf("%s could not be loaded: %s %s", e.Type, e.ErrorText, e.BlockedReason)
		}
	}
	if complaint != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.complaints = append(b.complaints, complaint)
	}
}

// forgive drops the complaints so far: a test that provokes an error expects one.
func (b *tab) forgive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = nil
}

// phone makes the tab a small phone, 360 pixels wide.
func (b *tab) phone() {
	b.t.Helper()
	command(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: 360, Height: 740, DeviceScaleFactor: 2, Mobile: true,
	})
}

// desktop makes the tab a wide window.
func (b *tab) desktop() {
	b.t.Helper()
	command(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: 1200, Height: 800, DeviceScaleFactor: 1,
	})
}

// asksFor sets the languages that the browser asks for.
func (b *tab) asksFor(lang string) {
	b.t.Helper()
	command(b, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{
		UserAgent: "Mozilla/5.0 (Linux; Android 14) Mobile", AcceptLanguage: lang,
	})
}

// withoutScripts switches JavaScript off.
func (b *tab) withoutScripts() {
	b.t.Helper()
	command(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// command sends one command of the DevTools protocol.
func command[P, R any](b *tab, c cdp.Command[P, R], params P) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.Call(ctx, c, params); err != nil {
		b.t.Fatalf("%s: %v", c.Method, err)
	}
}

// do runs an action and fails the test when it takes too long.
func do[T any](b *tab, what string, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		at, _ := chromedp.Run(b.ctx, chromedp.Location())
		page, _ := chromedp.Run(b.ctx, chromedp.OuterHTML(chromedp.CSS("html")))
		b.t.Fatalf("%s: %v, at %s\n%s", what, err, at, page)
	}
	return result
}

// visit opens an address.
func (b *tab) visit(url string) {
	b.t.Helper()
	do(b, "visit "+url, chromedp.Navigate(url))
}

// click clicks what leads to another page and waits for sign, a selector, to be seen there.
func (b *tab) click(selector, sign string) {
	b.t.Helper()
	b.press(selector)
	b.sees(sign)
}

// press clicks an element.
func (b *tab) press(selector string) {
	b.t.Helper()
	do(b, "click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// sees waits for a selector to be visible, on whatever page the tab is by then.
func (b *tab) sees(selector string) {
	b.t.Helper()
	do(b, "wait for "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
}

// types fills inputs; selector and text alternate.
func (b *tab) types(pairs ...string) {
	b.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		do(b, "type into "+pairs[i], chromedp.SendKeys(chromedp.CSS(pairs[i]), pairs[i+1]))
	}
}

// text returns what an element says.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return strings.TrimSpace(do(b, "read "+selector, chromedp.Text(chromedp.CSS(selector))))
}

// at returns the tab's address.
func (b *tab) at() string {
	b.t.Helper()
	return do(b, "read the address", chromedp.Location())
}

// fits fails the test when the page is wider than the window, or has an input without a name for screen
// readers. It takes a picture as well.
func (b *tab) fits(name string) {
	b.t.Helper()
	wide := do(b, "measure the page", chromedp.Evaluate[[]int](`[document.documentElement.scrollWidth, window.innerWidth]`))
	if wide[0] > wide[1] {
		b.t.Errorf("%s: the page is %d pixels wide in a window of %d", name, wide[0], wide[1])
	}
	nameless := do(b, "look for labels", chromedp.Evaluate[[]string](
		`[...document.querySelectorAll('input:not([type=hidden]),select,textarea')].filter(e => !e.labels.length && !e.ariaLabel).map(e => e.outerHTML)`))
	for _, input := range nameless {
		b.t.Errorf("%s: no label for %s", name, input)
	}
	b.picture(name)
}

// picture saves the whole page when SCREENSHOTS names a directory.
func (b *tab) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	png := do(b, "take a picture", chromedp.FullScreenshot(100))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	file := strings.NewReplacer("/", "-", " ", "-").Replace(b.t.Name() + "-" + name)
	if err := os.WriteFile(filepath.Join(dir, file+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
