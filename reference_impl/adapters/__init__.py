"""What knows the cache and fencepost: the virtual NIC, designs of `models/`, the matrix."""
