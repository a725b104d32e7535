//! Names: moves, the nameless, what other tools read, races.

use std::os::unix::fs::MetadataExt;

use cache::{BUILT_ANNOTATION, Store};

use crate::support::{descriptor, new_store, reference};

/// The list as text: `name=digest prefix`, in order.
fn listed(store: &Store) -> Vec<String> {
    let images = store.images().unwrap();
    images
        .iter()
        .map(|(name, image)| {
            let name = name.as_ref().map_or("<none>".to_owned(), |name| name.familiar());
            let manifest = ["a", "b", "c"].into_iter().find(|m| descriptor(m).digest == image.digest);
            format!("{name}={}", manifest.unwrap_or("?"))
        })
        .collect()
}

#[test]
fn names_move_and_images_stay() {
    let store = new_store();
    assert_eq!(store.resolve(&reference("app")).unwrap(), None);
    store.tag(&reference("app"), descriptor("a")).unwrap();
    store.tag(&reference("app:1"), descriptor("a")).unwrap();
    assert_eq!(listed(&store), ["app:1=a", "app:latest=a"]);
    store.tag(&reference("app"), descriptor("b")).unwrap();
    assert_eq!(listed(&store), ["app:1=a", "app:latest=b"]);
    store.tag(&reference("app"), descriptor("c")).unwrap();
    assert_eq!(listed(&store), ["app:1=a", "app:latest=c", "<none>=b"]);
    assert_eq!(store.resolve(&reference("app")).unwrap().unwrap().digest, descriptor("c").digest);
}

#[test]
fn the_same_again_writes_nothing() {
    let store = new_store();
    store.tag(&reference("app"), descriptor("a")).unwrap();
    let index = store.root().join("index.json");
    let before = std::fs::metadata(&index).unwrap().ino();
    store.tag(&reference("app"), descriptor("a")).unwrap();
    assert_eq!(std::fs::metadata(&index).unwrap().ino(), before);
    let mut described = descriptor("a");
    described.annotations.insert("key".to_owned(), "value".to_owned());
    store.tag(&reference("app"), described).unwrap();
    assert_eq!(store.resolve(&reference("app")).unwrap().unwrap().annotations["key"], "value");
    assert_eq!(listed(&store), ["app:latest=a"]);
}

#[test]
fn naming_the_nameless_leaves_one_entry() {
    let store = new_store();
    store.keep_image(descriptor("a")).unwrap();
    store.keep_image(descriptor("a")).unwrap();
    assert_eq!(listed(&store), ["<none>=a"]);
    store.tag(&reference("app"), descriptor("a")).unwrap();
    store.tag(&reference("app"), descriptor("a")).unwrap();
    store.keep_image(descriptor("a")).unwrap();
    assert_eq!(listed(&store), ["app:latest=a"]);
}

#[test]
fn untag_keeps_the_image_and_remove_does_not() {
    let store = new_store();
    store.tag(&reference("app"), descriptor("a")).unwrap();
    assert!(!store.untag(&reference("other")).unwrap());
    assert!(store.untag(&reference("app")).unwrap());
    assert_eq!(listed(&store), ["<none>=a"]);
    assert!(store.remove_image(&descriptor("a").digest).unwrap());
    assert!(!store.remove_image(&descriptor("a").digest).unwrap());
    assert_eq!(listed(&store), [""; 0]);
}

#[test]
fn time_of_the_build_is_kept_when_a_name_is_added() {
    let store = new_store();
    store.tag(&reference("app"), descriptor("a")).unwrap();
    let image = store.resolve(&reference("app")).unwrap().unwrap();
    let built = image.annotations[BUILT_ANNOTATION].clone();
    assert!(built.parse::<u64>().unwrap() > 1_600_000_000_000);
    std::thread::sleep(std::time::Duration::from_millis(2));
    store.tag(&reference("app:1"), image).unwrap();
    let again = store.resolve(&reference("app:1")).unwrap().unwrap();
    assert_eq!(again.annotations.len(), 1);
    assert_eq!(again.annotations[BUILT_ANNOTATION], built);
}

#[test]
fn index_is_what_other_tools_read() {
    let store = new_store();
    store.tag(&reference("app"), descriptor("a")).unwrap();
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(store.root().join(name)).unwrap()).unwrap()
    };
    assert_eq!(read("oci-layout")["imageLayoutVersion"], "1.0.0");
    let index = read("index.json");
    assert_eq!(index["schemaVersion"], 2);
    let annotations = &index["manifests"][0]["annotations"];
    assert_eq!(annotations["org.opencontainers.image.ref.name"], "docker.io/library/app:latest");
    assert_eq!(annotations["io.containerd.image.name"], "docker.io/library/app:latest");
}

#[test]
fn no_name_is_lost_in_a_race() {
    let test = new_store();
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let root = test.root();
            scope.spawn(move || {
                let store = Store::open(root).unwrap();
                for n in 0..4 {
                    store.tag(&reference(&format!("app:{thread}-{n}")), descriptor("a")).unwrap();
                }
            });
        }
    });
    assert_eq!(test.images().unwrap().len(), 24);
}
