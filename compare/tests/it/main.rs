//! Differences between trees and between images.

mod files;
mod fold;
mod images;
