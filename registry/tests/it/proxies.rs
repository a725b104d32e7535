//! Proxies: which servers are asked by way of one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};

use registry::web::{Get, Page};
use registry::{Client, Options, Proxies, RegistryError};

use crate::server::{Answer, Server, free_port};
use crate::support::{named, options};

/// A proxy that leads every tunnel to `server`. Returns its URL, and sends the head of the first request to it.
fn proxy_to(server: &Server) -> (String, Receiver<String>) {
    let listener = free_port();
    let url = format!("http://user:word@{}", listener.local_addr().expect("an address"));
    let (sender, asked) = channel();
    let server = server.host();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let mut head = BufReader::new(client.try_clone().expect("a copy")).lines().map_while(Result::ok);
        sender.send(head.by_ref().take_while(|line| !line.is_empty()).collect()).expect("the test waits");
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("it listens");
        let mut server = TcpStream::connect(server).expect("the server");
        let (mut from, mut to) = (client.try_clone().expect("a copy"), server.try_clone().expect("a copy"));
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        std::io::copy(&mut server, &mut client).expect("the answer");
    });
    (url, asked)
}

#[test]
fn this_machine_is_asked_directly() {
    let server = Server::start(|_, _| Answer::new(200, "near"));
    let (proxy, asked) = proxy_to(&server);
    let proxies = Proxies { http: Some(proxy), ..Proxies::default() };
    let web = Client::new(Options { proxies, ..options() }).web();
    let url = format!("http://{}/", server.host());
    assert!(web.get(&Get { url: &url, authorization: None, etag: None }).is_ok());
    assert!(asked.try_recv().is_err(), "the proxy was asked");
}

#[test]
fn other_servers_are_asked_by_the_proxy_with_its_login() {
    let server = Server::start(|_, _| Answer::new(200, "far"));
    let (proxy, asked) = proxy_to(&server);
    let proxies = Proxies { http: Some(proxy), ..Proxies::default() };
    let web = Client::new(Options { proxies, ..options() }).web();
    let get = Get { url: "http://files.example:81/f", authorization: None, etag: None };
    let Ok(Page::File { mut body, .. }) = web.get(&get) else { panic!("no file") };
    let mut text = String::new();
    body.read_to_string(&mut text).expect("the body");
    assert_eq!(text, "far");
    let asked = asked.recv().expect("it was asked");
    assert!(asked.starts_with("CONNECT files.example:81 "), "{asked}");
    assert!(asked.to_lowercase().contains("proxy-authorization: basic dxnlcjp3b3jk"), "{asked}");
}

#[test]
fn a_socks_proxy_is_an_error_that_names_the_variable() {
    let proxies = Proxies { https: Some("socks5://proxy:1080".into()), ..Proxies::default() };
    let error = Client::new(Options { proxies, ..options() })
        .manifest(&named("registry.example"))
        .expect_err("not supported");
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("HTTPS_PROXY is of a kind that is not supported"), "{error}");
}
