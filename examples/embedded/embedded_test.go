package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/config"
	"github.com/countersign-id/countersign/server"
)

const secret = "a lantern over quiet water"

// start runs the program on a port of its own and adds Ada, as a second process
// beside the program would: the command line does the same.
func start(t *testing.T) (address string, id *server.Server) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	c, err := config.Load(config.Source{DataDir: t.TempDir(), Set: []string{
		"server.public_url=" + address, "password.hash.memory_kib=8192", "password.hash.time=1",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if id, err = server.New(t.Context(), c, server.Options{}); err != nil {
		t.Fatal(err)
	}
	evidence, err := json.Marshal(map[string]string{"method": "password", "password": secret})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := id.Admin.Add(t.Context(), countersign.Caller{System: "test"},
		admin.New{Email: "ada@example.com", Name: "Ada <Lovelace>", Secret: evidence}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, c, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the program ended with %v", err)
		}
		if err := id.Close(); err != nil {
			t.Error(err)
		}
	})
	return address, id
}

// browser is a client that keeps cookies.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: 10 * time.Second}
}

func read(t *testing.T, res *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func home(t *testing.T, c *http.Client, address string) string {
	t.Helper()
	res, err := c.Get(address + "/")
	return read(t, res, err)
}

func signIn(t *testing.T, c *http.Client, address string) string {
	t.Helper()
	res, err := c.PostForm(address+"/sign-in?return_to=/", url.Values{
		"identifier": {"ada@example.com"}, "password": {secret}, "return_to": {"/"},
	})
	return read(t, res, err)
}

func TestThePageSaysWhoIsSignedIn(t *testing.T) {
	address, _ := start(t)
	c := browser(t)
	if got := home(t, c, address); !strings.Contains(got, "Nobody is signed in.") {
		t.Fatalf("before: %s", got)
	}
	want := "signed in as <strong>Ada &lt;Lovelace&gt;</strong> (ada@example.com)"
	if got := signIn(t, c, address); !strings.Contains(got, want) {
		t.Fatalf("signing in does not lead back to the page: %s", got)
	}
	res, err := c.PostForm(address+"/sign-out", nil)
	read(t, res, err)
	if got := home(t, c, address); !strings.Contains(got, "Nobody is signed in.") {
		t.Errorf("after signing out: %s", got)
	}
}

func TestACookieThatOpensNothingIsNobody(t *testing.T) {
	address, _ := start(t)
	c := browser(t)
	signIn(t, c, address)
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	good := c.Jar.Cookies(at)[0].Value
	for what, value := range map[string]string{
		"invented": "cs_ses_0000000000000000000000000000000000000000000000000",
		"none":     "",
		"mistyped": good[:len(good)-1] + "!",
		"twice":    good + "; countersign=" + good,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", "countersign="+value)
		res, err := http.DefaultClient.Do(r)
		if got := read(t, res, err); !strings.Contains(got, "Nobody is signed in.") {
			t.Errorf("%s: %s", what, got)
		}
	}
}

func TestRunSaysWhatIsWrongWithTheSettings(t *testing.T) {
	err := run(t.Context(), []string{"-data", t.TempDir()}, []string{"COUNTERSIGN_SERVER__LISTEN=nowhere"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "server.listen") {
		t.Errorf("%v", err)
	}
}
