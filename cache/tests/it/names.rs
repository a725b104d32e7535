//! Names of images: moving them, images without one, other tools that read them, races.

use std::os::unix::fs::MetadataExt;
use std::sync::Mutex;

use cache::{BUILT_ANNOTATION, Store};

use crate::support::{descriptor, new_store, put_image, reference};

/// Returns the list of images as `name=manifest`, in order.
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
fn a_name_moves_and_its_former_image_stays() {
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
fn tagging_the_same_image_again_writes_nothing() {
    let store = new_store();
    store.tag(&reference("app"), descriptor("a")).unwrap();
    let index = store.root().join("index.json");
    let before = std::fs::metadata(&index).unwrap().ino();
    store.tag(&reference("app"), descriptor("a")).unwrap();
    assert_eq!(std::fs::metadata(&index).unwrap().ino(), before);
}

#[test]
fn tagging_with_new_annotations_writes_them() {
    let store = new_store();
    store.tag(&reference("app"), descriptor("a")).unwrap();
    let mut described = descriptor("a");
    described.annotations.insert("key".to_owned(), "value".to_owned());
    store.tag(&reference("app"), described).unwrap();
    assert_eq!(store.resolve(&reference("app")).unwrap().unwrap().annotations["key"], "value");
    assert_eq!(listed(&store), ["app:latest=a"]);
}

#[test]
fn an_image_that_gets_a_name_has_one_entry() {
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
fn untagging_keeps_the_image_and_removing_does_not() {
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
fn a_second_name_keeps_the_time_of_the_build() {
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
fn other_tools_find_names_in_the_index() {
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
fn racing_writers_lose_no_name() {
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

/// Loses `index.json` in every way, with and without its copy, and checks what is left and what the user hears.
#[test]
fn a_lost_list_of_names_is_restored_from_its_copy_or_from_the_blobs() {
    static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let damages: [fn(&std::path::Path); 4] = [
        |path| std::fs::remove_file(path).unwrap(),
        |path| std::fs::write(path, "").unwrap(),
        |path| std::fs::write(path, "{\"schemaVersion\": 2, \"manifests\": [").unwrap(),
        |path| std::fs::write(path, "[1]").unwrap(),
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        for keep_copy in [true, false] {
            let store = new_store();
            for name in ["a", "b", "c"] {
                store.tag(&reference(name), put_image(&store, name).entry).unwrap();
            }
            store.send_notices_to(|text| HEARD.lock().unwrap().push(text.to_owned()));
            damage(&store.root().join("index.json"));
            if !keep_copy {
                damage(&store.root().join("index.json.copy"));
            }
            let images = store.images().unwrap();
            let named = images.iter().filter(|(name, _)| name.is_some()).count();
            let expected = if keep_copy { (3, 3) } else { (3, 0) };
            assert_eq!((images.len(), named), expected, "{number}");
            let heard = std::mem::take(&mut *HEARD.lock().unwrap());
            let phrase = if keep_copy { "from the copy" } else { "without their names" };
            assert!(matches!(&heard[..], [one] if one.contains(phrase)), "{number}: {heard:?}");
            let report = store.check(true).unwrap();
            assert!(matches!(report.problems[..], [cache::Problem::Names { .. }]), "{number}: {report:?}");
            // Any change writes a good list, and so does a repair.
            if number % 2 == 0 {
                store.repair(&report).unwrap();
            } else {
                store.tag(&reference("d"), put_image(&store, "d").entry).unwrap();
            }
            assert!(store.check(true).unwrap().is_clean(), "{number}");
            assert!(store.images().unwrap().len() >= images.len());
        }
    }
}
