package passkey

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/go-webauthn/webauthn/metadata"
	"github.com/go-webauthn/webauthn/metadata/providers/memory"
)

// readMetadata verifies a blob of the FIDO Metadata Service (MDS 3.1, section
// 3.2) and reads it. It asks nothing of the network, so that revocation lists are
// not looked at: whoever put the file there has fetched it. A blob whose time has
// passed is read as of that time, because refusing it would stop a server over night.
func readMetadata(blob, root []byte, now time.Time) (metadata.Provider, time.Time, error) {
	wrong := func(err error) (metadata.Provider, time.Time, error) {
		return nil, time.Time{}, fmt.Errorf("passkey: metadata: %w", err)
	}
	if len(root) == 0 {
		var err error
		if root, err = base64.StdEncoding.DecodeString(metadata.ProductionMDSRoot); err != nil {
			return wrong(err)
		}
	}
	parts := bytes.Split(bytes.TrimSpace(blob), []byte("."))
	if len(parts) != 3 {
		return wrong(errors.New("not a signed blob"))
	}
	var payload metadata.PayloadJSON
	var header jwsHeader
	text := [3][]byte{}
	for i := range parts {
		var err error
		if text[i], err = b64.AppendDecode(nil, parts[i]); err != nil {
			return wrong(err)
		}
	}
	if err := json.Unmarshal(text[0], &header); err != nil {
		return wrong(err)
	}
	if err := json.Unmarshal(text[1], &payload); err != nil {
		return wrong(err)
	}
	decoder, err := metadata.NewDecoder(metadata.WithIgnoreEntryParsingErrors())
	if err != nil {
		return wrong(err)
	}
	parsed, err := decoder.Parse(&payload) // a model of a kind too new for us is left out, and so not accepted
	if err != nil {
		return wrong(err)
	}
	at := now
	if parsed.Parsed.NextUpdate.Before(at) {
		at = parsed.Parsed.NextUpdate
	}
	if err := header.verify(root, at, bytes.Join(parts[:2], []byte(".")), text[2]); err != nil {
		return wrong(err)
	}
	provider, err := memory.New(memory.WithMetadata(parsed.ToMap()), memory.WithMetadataKeyIdentifiers(parsed.ToKeyIdentifierMap()),
		memory.WithValidateEntryKeyIdentifier(true), memory.WithValidateAAGUID(true))
	if err != nil {
		return wrong(err)
	}
	return provider, parsed.Parsed.NextUpdate, nil
}

// jwsHeader is what a blob says of its signature (RFC 7515).
type jwsHeader struct {
	Alg      string   `json:"alg"`
	Chain    [][]byte `json:"x5c"` // DER in standard base64, as Go writes bytes
	ChainURL string   `json:"x5u"`
}

func (h jwsHeader) verify(root []byte, at time.Time, signed, signature []byte) error {
	if len(h.Chain) == 0 || h.ChainURL != "" {
		return errors.New("it does not bring its certificates")
	}
	anchor, err := x509.ParseCertificate(root)
	if err != nil {
		return fmt.Errorf("its root: %w", err)
	}
	options := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	options.Roots.AddCert(anchor)
	var leaf *x509.Certificate
	for i, der := range h.Chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		if i == 0 {
			leaf = c
			continue
		}
		options.Intermediates.AddCert(c)
	}
	if _, err := leaf.Verify(options); err != nil {
		return err
	}
	digest := sha256.Sum256(signed)
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		if h.Alg == "RS256" && rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil {
			return nil
		}
	case *ecdsa.PublicKey:
		if h.Alg == "ES256" && len(signature) == 64 &&
			ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
			return nil
		}
	}
	return errors.New("its signature is not right")
}
