package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"time"
)

// authority signs the certificates of the node's listeners, and of whoever comes to them.
// Whoever reads it has rig.mu, or is the operator, who alone changes it.
type authority struct {
	path string // of the file with the certificates of those that are trusted
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
	own  tls.Certificate // of clients
}

// newAuthority makes one, which is not trusted yet.
func newAuthority(path string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	tmpl := template("bench", time.Now().UnixNano())
	tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, err
	}
	a := &authority{path: path, key: key}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	cert, private, err := a.pair(1)
	if err == nil {
		a.own, err = tls.X509KeyPair(cert, private)
	}
	return a, err
}

// trust has nodes trust this authority and others once they read the file, and clients
// at once.
func (a *authority) trust(others ...*authority) error {
	pool, file := x509.NewCertPool(), []byte(nil)
	for _, one := range append(others, a) {
		pool.AddCert(one.cert)
		file = append(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.cert.Raw})...)
	}
	a.pool = pool
	return replace(a.path, file)
}

// sign writes a certificate with that number for a listener on loopback, and its key,
// into PATH.pem and PATH.key.
func (a *authority) sign(path string, number int64) error {
	cert, key, err := a.pair(number)
	if err != nil {
		return err
	}
	if err := replace(path+".pem", cert); err != nil {
		return err
	}
	return replace(path+".key", key)
}

// pair returns a certificate for loopback and its key, as PEM.
func (a *authority) pair(number int64) (cert, private []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	tmpl := template("ledge", number)
	tmpl.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	tmpl.KeyUsage = x509.KeyUsageDigitalSignature
	tmpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
}

func (a *authority) client() *tls.Config {
	return &tls.Config{RootCAs: a.pool, Certificates: []tls.Certificate{a.own}}
}

func template(name string, number int64) *x509.Certificate {
	return &x509.Certificate{SerialNumber: big.NewInt(number), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
}

// replace puts a file in its place whole, as an operator should.
func replace(path string, text []byte) error {
	if err := os.WriteFile(path+".next", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".next", path)
}
