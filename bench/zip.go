package main

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// What `make bench-lambda` builds first, as seen from the root of the module.
const (
	bareLambda = "bin/bare-lambda"
	arm64Zip   = "dist/event-gateway-lambda-arm64.zip"
	amd64Zip   = "dist/event-gateway-lambda-x86_64.zip"
)

// measureZip takes the sizes of what is uploaded to AWS.
func measureZip(context.Context) ([]row, error) {
	var rows []row
	for _, z := range []struct{ arch, file string }{{"arm64", arm64Zip}, {"x86_64", amd64Zip}} {
		info, err := os.Stat(z.file)
		if err != nil {
			return nil, fmt.Errorf("make bench-lambda builds it: %w", err)
		}
		rows = append(rows, row{name: "Lambda zip, " + z.arch, measured: float64(info.Size()) / 1e6, limit: 14, unit: " MB",
			note: fmt.Sprintf("%d bytes", info.Size())})
	}
	return rows, nil
}

// unpack takes the program for this machine out of its zip, and returns where it is.
func unpack(dir string) (string, error) {
	file := map[string]string{"linux/arm64": arm64Zip, "linux/amd64": amd64Zip}[runtime.GOOS+"/"+runtime.GOARCH]
	if file == "" {
		return "", fmt.Errorf("a Lambda does not run on %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	z, err := zip.OpenReader(file)
	if err != nil {
		return "", fmt.Errorf("make bench-lambda builds it: %w", err)
	}
	defer z.Close()
	from, err := z.Open("bootstrap")
	if err != nil {
		return "", err
	}
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(dir, "bootstrap"), os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(to, from)
	if e := to.Close(); err == nil {
		err = e
	}
	return to.Name(), err
}
