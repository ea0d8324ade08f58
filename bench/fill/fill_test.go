package fill

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign/config"
	"github.com/countersign-id/countersign/internal/argon"
	"github.com/countersign-id/countersign/internal/secret"
	"github.com/countersign-id/countersign/store"
)

// served makes what a first start of the product leaves behind: a key and tables.
func served(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	path := config.Config{DataDir: data}.SealPath()
	key := make([]byte, 32)
	rand.Read(key)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(key)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTheProductsStoreFindsWhatWasFilledIn(t *testing.T) {
	data, dir := served(t), t.TempDir()
	o := Order{
		Data: data, Identities: 7, Sessions: 250, Password: "some password", Hash: argon.Params{MemoryKiB: 64, Time: 1, Threads: 1},
		Tokens: filepath.Join(dir, "tokens"), Identifiers: filepath.Join(dir, "identifiers"),
	}
	if err := o.fill(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	owners := map[string]int{}
	for _, token := range read(t, o.Tokens, 250) {
		owners[owner(t, db, token)]++
	}
	if len(owners) != 7 {
		t.Errorf("the sessions belong to %d identities", len(owners))
	}
	for _, address := range read(t, o.Identifiers, 7) {
		who, credentials, err := db.FindSubject(t.Context(), "email", address)
		if err != nil || who.Primary() != address || len(credentials) != 1 {
			t.Fatalf("%s: %v, %d credentials, %v", address, who.ID, len(credentials), err)
		}
		phc, err := argon.Parse(string(credentials[0].Data))
		if err != nil || !argon.NewArenas(1, o.Hash, time.Minute).Match(phc, []byte(o.Password)) {
			t.Errorf("%s: the stored password is another: %v", address, err)
		}
	}
}

func owner(t *testing.T, db *store.DB, token string) string {
	t.Helper()
	hash, ok := secret.Hash(secret.Session, token)
	if !ok {
		t.Fatal("a line is no session token")
	}
	s, who, err := db.FindSession(t.Context(), hash)
	if err != nil || s.Identity != who.ID || !s.Live(time.Now().Add(time.Hour)) {
		t.Fatalf("session of %v: %+v %v", who.ID, s, err)
	}
	return string(who.ID)
}

func read(t *testing.T, file string, want int) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(lines) != want {
		t.Fatalf("%s has %d lines, not %d", filepath.Base(file), len(lines), want)
	}
	return lines
}

func TestAFolderThatWasNeverServedIsRefused(t *testing.T) {
	order := `{"data":"` + t.TempDir() + `","identities":1,"sessions":1}`
	if err := Serve(t.Context(), strings.NewReader(order), new(bytes.Buffer)); err == nil {
		t.Error("it was filled")
	}
}
