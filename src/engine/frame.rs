/// Takes a varint length and that many bytes off the front of `rest`.
pub(crate) fn take_slice<'a>(_rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    unimplemented!()
}
