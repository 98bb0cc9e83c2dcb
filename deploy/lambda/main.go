// Command lambda packs a program as AWS Lambda takes it: a zip with one file, bootstrap. The same program gives the same bytes.
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"time"
)

// maxSize is how many bytes the zip may have. What a Lambda has to fetch and unpack, its first caller waits for.
const maxSize = 14_000_000

// modified is when the file in the zip was, whenever it was built. A zip can say nothing earlier.
var modified = time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "Usage: lambda PROGRAM ZIP")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "lambda:", err)
		os.Exit(1)
	}
}

// run writes the zip of a program, and prints its size and digest.
func run(program, file string, out io.Writer) error {
	b, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	packed, err := pack(b)
	if err != nil {
		return err
	}
	if len(packed) > maxSize {
		return fmt.Errorf("%s would have %d bytes, it may have %d", file, len(packed), maxSize)
	}
	if err := os.WriteFile(file, packed, 0o644); err != nil {
		return err
	}
	digest := sha256.Sum256(packed)
	// AWS Lambda shows the digest in base64, as CodeSha256.
	_, err = fmt.Fprintf(out, "%x  %s  %d bytes, CodeSha256 %s\n", digest, file, len(packed), base64.StdEncoding.EncodeToString(digest[:]))
	return err
}

// pack returns a zip of the program.
func pack(program []byte) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	h := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: modified}
	h.SetMode(0o755) // Lambda starts it as it is
	w, err := z.CreateHeader(h)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}
