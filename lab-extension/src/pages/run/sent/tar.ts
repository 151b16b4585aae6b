/**
 * Reads a tar archive: names, sizes and bytes of its files. Nothing is unpacked anywhere. Pure.
 *
 * It knows what Windlass' bundles are made of: POSIX headers, with PAX records for names that are long or not ASCII.
 */

/** A file in the archive. */
export interface ITarFile {
  readonly path: string;
  readonly data: Uint8Array;
}

const BLOCK = 512;
const SIZE_AT = 124;
const TYPE_AT = 156;
const PREFIX_AT = 345;

const utf8 = new TextDecoder();

/** The files of an archive, in its order. What follows a header that is none is left. */
export function readTar(archive: Uint8Array): ITarFile[] {
  const files: ITarFile[] = [];
  let longName: string | null = null;
  for (let at = 0; at + BLOCK <= archive.length;) {
    const header = archive.subarray(at, at + BLOCK);
    const size = parseInt(text(header, SIZE_AT, 12), 8);
    if (header[0] === 0 || !(size >= 0)) {
      break;
    }
    const data = archive.subarray(at + BLOCK, at + BLOCK + size);
    const type = String.fromCharCode(header[TYPE_AT] ?? 0);
    if (type === 'x') {
      longName = paxPath(data);
    } else {
      if (type === '0' || type === '\0') {
        files.push({ path: longName ?? nameOf(header), data });
      }
      longName = null;
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

function nameOf(header: Uint8Array): string {
  const prefix = text(header, PREFIX_AT, 155);
  const name = text(header, 0, 100);
  return prefix ? `${prefix}/${name}` : name;
}

/** A field up to its first NUL. */
function text(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return utf8.decode(end === -1 ? field : field.subarray(0, end)).trim();
}

/** The path in PAX records, each of which is `length key=value` and a line feed; the length counts bytes. */
function paxPath(data: Uint8Array): string | null {
  for (let at = 0; at < data.length;) {
    const length = parseInt(utf8.decode(data.subarray(at, at + 20)), 10);
    if (!(length > 0)) {
      return null;
    }
    const record = utf8.decode(data.subarray(at, at + length - 1));
    const [, key, value] = /^\d+ ([^=]+)=([\s\S]*)$/.exec(record) ?? [];
    if (key === 'path') {
      return value ?? null;
    }
    at += length;
  }
  return null;
}
