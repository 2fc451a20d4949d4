# SPDX-License-Identifier: GPL-3.0-or-later
"""What people have, made with Debian's tools: binaries, Java's archives, code with its libraries, pages."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import jinja2
import markupsafe

_C = r"""
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void) {
  int one = 1, at = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(getenv("PORT")))};
  setsockopt(at, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(at, (struct sockaddr *)&here, sizeof here) || listen(at, 16)) return perror("PORT"), 1;
  for (;;) {
    char asked[4096], *said = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nfrom C";
    int with = accept(at, 0, 0);
    if (with < 0) continue;
    if (read(with, asked, sizeof asked) > 0 && write(with, said, strlen(said)) < 0) perror("write");
    close(with);
  }
}
"""
_GO = """\
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(to http.ResponseWriter, _ *http.Request) { fmt.Fprint(to, "from Go") })
	if err := http.ListenAndServe(":"+os.Getenv("PORT"), nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
"""
_JAVA = """\
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;

public class Main {
  public static void main(String[] given) throws Exception {
    HttpServer server = HttpServer.create(new InetSocketAddress(Integer.parseInt(System.getenv("PORT"))), 0);
    server.createContext("/", asked -> {
      byte[] said = "from a jar".getBytes();
      asked.sendResponseHeaders(200, said.length);
      asked.getResponseBody().write(said);
      asked.close();
    });
    server.start();
  }
}
"""
_PYTHON = """\
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from jinja2 import Template

SAID = Template("from {{ language }}").render(language="Python").encode()


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(SAID)))
        self.end_headers()
        self.wfile.write(SAID)


ThreadingHTTPServer(("", int(os.environ["PORT"])), Page).serve_forever()
"""
_NODE = """\
require('http').createServer((_, to) => to.end('from Node')).listen(process.env.PORT)
"""


def c_program(folder: Path) -> Path:
    """Return a package of one binary that C was compiled to."""
    (folder / "serve.c").write_text(_C)
    subprocess.run(["gcc", "-O2", "-Wall", "-Werror", "-o", "serve", "serve.c"], cwd=folder, check=True)
    return packed(folder / "serve.tar.gz", folder / "serve")


def go_source(folder: Path) -> Path:
    """Return a directory with a module of Go's."""
    source = folder / "go"
    source.mkdir()
    (source / "main.go").write_text(_GO)
    (source / "go.mod").write_text("module example.com/serve\n\ngo 1.19\n")
    return source


def go_program(folder: Path) -> Path:
    """Return a package of one binary that Go was compiled to."""
    source = go_source(folder)
    subprocess.run(["go", "build", "-o", "serve", "."], cwd=source, check=True)
    return packed(folder / "serve-go.tar.gz", source / "serve")


def jar(folder: Path) -> Path:
    """Return a package of one .jar that runs."""
    (folder / "Main.java").write_text(_JAVA)
    release = ["--release", "17"]
    subprocess.run(["javac", *release, "Main.java"], cwd=folder, check=True)
    classes = sorted(path.name for path in folder.glob("*.class"))
    subprocess.run(
        ["jar", "--create", "--file=app.jar", "--main-class=Main", *classes], cwd=folder, check=True
    )
    return packed(folder / "jar.tar.gz", folder / "app.jar")


def war(folder: Path) -> Path:
    """Return a package of one .war, with a page that only a servlet container can answer."""
    content = folder / "war"
    (content / "WEB-INF").mkdir(parents=True)
    (content / "index.jsp").write_text('<%= "from a " + "war" %>')
    subprocess.run(["jar", "--create", "--file=../app.war", "-C", ".", "."], cwd=content, check=True)
    return packed(folder / "war.zip", folder / "app.war")


def python_code(folder: Path) -> Path:
    """Return a package of code with its libraries beside it."""
    code = folder / "python"
    code.mkdir()
    (code / "main.py").write_text(_PYTHON)
    for library in (jinja2, markupsafe):
        place = Path(str(library.__file__)).parent
        shutil.copytree(
            place, code / "vendor" / place.name, ignore=shutil.ignore_patterns("__pycache__", "*.so")
        )
    return packed(folder / "python.tar.zst", *code.iterdir())


def node_code(folder: Path) -> Path:
    """Return a package of a Node app."""
    code = folder / "node"
    code.mkdir()
    (code / "server.js").write_text(_NODE)
    (code / "package.json").write_text(
        '{"name": "said", "version": "1.0.0", "scripts": {"start": "node server.js"}}'
    )
    return packed(folder / "node.tgz", *code.iterdir())


def php_code(folder: Path) -> Path:
    """Return a package of a PHP app."""
    (folder / "index.php").write_text('<?php echo "from " . "PHP";')
    return packed(folder / "php.zip", folder / "index.php")


def pages(folder: Path) -> Path:
    """Return a package of pages."""
    (folder / "index.html").write_text("from a page")
    return packed(folder / "pages.zip", folder / "index.html")


def packed(archive: Path, *paths: Path) -> Path:
    """Return an archive with these files and directories at its top, in the form that its name says."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
            for path in paths:
                opened.write(path, path.name)
        return archive
    plain = archive.with_suffix(".plain") if archive.suffix == ".zst" else archive
    with tarfile.open(plain, "w" if archive.suffix == ".zst" else "w:gz") as tar:
        for path in paths:
            tar.add(path, path.name)
    if archive.suffix == ".zst":
        subprocess.run(["zstd", "--quiet", "--rm", "-o", archive, plain], check=True)
    return archive
