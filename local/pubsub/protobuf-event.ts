/** The fields of a CloudEvent that are strings: id, source, spec_version, type and text_data. */
const STRINGS = new Set([1, 2, 3, 4, 7]);

/**
 * Returns whether these bytes are a CloudEvent in protobuf. It checks the encoding of the fields, and does not look into
 * the messages inside. https://github.com/cloudevents/spec/blob/main/cloudevents/formats/protobuf-format.md
 */
export function isProtobufEvent(bytes: Buffer): boolean {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; factor < 2 ** 63; factor *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    return Number.NaN;
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, type] = [Math.floor(tag / 8), tag % 8];
    if (!(field >= 1)) return false;
    if (type === 0) {
      if (Number.isNaN(varint())) return false;
    } else if (type === 1 || type === 5) at += type === 1 ? 8 : 4;
    else if (type === 2) {
      const length = varint();
      const value = bytes.subarray(at, at + length);
      if (!(length <= bytes.length - at)) return false;
      if (STRINGS.has(field) && !Buffer.from(value.toString()).equals(value)) return false; // not UTF-8
      at += length;
    } else return false;
  }
  return at === bytes.length;
}
