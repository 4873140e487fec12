"""What knows both the cache and fencepost: the virtual NIC, the designs of `models/`, the matrix."""
