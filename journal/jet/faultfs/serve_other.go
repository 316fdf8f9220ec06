//go:build !linux

package faultfs

import (
	"errors"
	"net"
)

func serve(mounting, net.Conn) error { return errors.New("faultfs is for Linux") }

func detach(string) {}
