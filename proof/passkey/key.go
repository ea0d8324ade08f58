package passkey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// algorithms that we ask for, the one we like best first (IANA COSE Algorithms).
var algorithms = []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgES256, webauthncose.AlgEdDSA, webauthncose.AlgRS256}

// The sizes of RSA keys. The upper limit keeps a verification under a millisecond.
const (
	leastRSA = 2048
	mostRSA  = 4096
)

var errKey = errors.New("passkey: a key that is not of a kind we asked for")

// spki turns the COSE key of a new passkey (RFC 9052) into a SubjectPublicKeyInfo.
func spki(cose []byte) ([]byte, error) {
	parsed, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return nil, errKey
	}
	switch k := parsed.(type) {
	case webauthncose.EC2PublicKeyData:
		key, err := k.ToECDSA() // which holds ES256 to P-256
		if err != nil || k.Algorithm != int64(webauthncose.AlgES256) {
			return nil, errKey
		}
		return x509.MarshalPKIXPublicKey(key)
	case webauthncose.OKPPublicKeyData:
		if k.Algorithm != int64(webauthncose.AlgEdDSA) || len(k.XCoord) != ed25519.PublicKeySize {
			return nil, errKey
		}
		return x509.MarshalPKIXPublicKey(ed25519.PublicKey(k.XCoord))
	case webauthncose.RSAPublicKeyData:
		return rsaSPKI(k)
	}
	return nil, errKey
}

// rsaSPKI takes keys that a verification can afford. An exponent of 1 would
// make every signature its own message.
func rsaSPKI(k webauthncose.RSAPublicKeyData) ([]byte, error) {
	if k.Algorithm != int64(webauthncose.AlgRS256) || len(k.Modulus) > mostRSA/8+1 || len(k.Exponent) > 4 {
		return nil, errKey
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(k.Modulus)}
	for _, b := range k.Exponent {
		key.E = key.E<<8 | int(b)
	}
	if bits := key.N.BitLen(); bits < leastRSA || bits > mostRSA || key.N.Bit(0) == 0 || key.E < 3 || key.E&1 == 0 || key.E > 1<<31-1 {
		return nil, errKey
	}
	return x509.MarshalPKIXPublicKey(key)
}

// verify checks a signature over authenticator data and client data (section
// 7.2, steps 20 and 21). An error means that the stored key is broken.
func verify(der, authData, clientData, signature []byte) (bool, error) {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return false, err
	}
	client := sha256.Sum256(clientData)
	signed := append(authData[:len(authData):len(authData)], client[:]...)
	if k, ok := key.(ed25519.PublicKey); ok {
		return ed25519.Verify(k, signed, signature), nil
	}
	digest := sha256.Sum256(signed)
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(k, digest[:], signature), nil
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], signature) == nil, nil
	}
	return false, fmt.Errorf("a key of type %T", key)
}
