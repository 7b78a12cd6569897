//! A codec that refuses what it does not know.
//!
//! Protobuf decoders drop unknown fields in silence, so a caller could believe that an option was
//! honoured. Every request is therefore measured again after decoding: what was not understood is
//! missing from its length. Only canonical encodings pass, which is what every protobuf library writes.

use prost::Message;
use prost::bytes::Buf;
use std::marker::PhantomData;
use tonic::Status;
use tonic::codec::BufferSettings;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::ProstEncoder;

/// Encodes `T` like prost, decodes `U` without mercy.
#[derive(Debug)]
pub struct StrictCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for StrictCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for StrictCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = StrictDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(BufferSettings::default())
    }

    fn decoder(&mut self) -> Self::Decoder {
        StrictDecoder(PhantomData)
    }
}

/// Decodes `U` and compares lengths.
#[derive(Debug)]
pub struct StrictDecoder<U>(PhantomData<U>);

impl<U: Message + Default> Decoder for StrictDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        understand(buf).map(Some)
    }
}

fn understand<U: Message + Default>(buf: impl Buf) -> Result<U, Status> {
    let sent = buf.remaining();
    // The decoder's own text is not passed on: it may quote the request.
    let message = U::decode(buf).map_err(|_| invalid("the request is not a protobuf message of this RPC"))?;
    if message.encoded_len() == sent {
        Ok(message)
    } else {
        Err(invalid("the request has a field that this version does not know, or gives one twice; remove it"))
    }
}

fn invalid(text: &'static str) -> Status {
    let mut status = Status::invalid_argument(text);
    let kind = tonic::metadata::MetadataValue::from_static(crate::Kind::Invalid.name());
    status.metadata_mut().insert(crate::KIND_KEY, kind);
    status
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::v1::{ContextField, Upload};

    #[test]
    fn an_upload_has_exactly_the_six_fields_and_an_unknown_one_shows() {
        // A26: "Explicit schema: source, expected document type, patient context, tenant ID, retention
        // policy, callback preferences"
        let upload = Upload {
            source: "fax".into(),
            expected_type: Some("referral".into()),
            patient_context: vec![ContextField { key: "mrn".into(), value: String::new() }],
            tenant: Some(String::new()),
            retention: Some("short".into()),
            callback: Some("his".into()),
        };
        let mut bytes = upload.encode_to_vec();
        assert!(understand::<Upload>(bytes.as_slice()).is_ok());
        // Field 7, a varint: a later version's option.
        bytes.extend([0x38, 0x01]);
        let refused = understand::<Upload>(bytes.as_slice()).err().unwrap();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }
}
