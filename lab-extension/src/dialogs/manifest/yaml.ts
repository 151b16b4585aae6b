/**
 * JSON as YAML 1.2, for people to read and `kubectl` to take. Pure.
 *
 * Whatever could be read as anything but the text that it is stands in double quotes, as JSON has them, which YAML
 * understands; text of several lines stands as a block where that keeps it exactly.
 */
import { isObject } from '../clusterForm';

/** Characters that YAML must not have raw, or that an editor would not show. */

const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u00a0\u2028\u2029\ufeff\ufffe\uffff]/;

/** Safe without quotes: begins with a letter, `/` or `_`, and has nothing that YAML gives a meaning to. */
const PLAIN = /^[A-Za-z/_][\w./-]*(?:[:=@+][\w./-]+)*(?: [\w./(][\w./()-]*)*$/;

/** Words that YAML, some version of it, reads as something else. */
const WORDS = /^(?:true|false|yes|no|on|off|y|n|null|nan|inf)$/i;

/** Documents one after the other. */
export function toYaml(documents: readonly unknown[]): string {
  return documents.map(document => `${node(document, '').replace(/^[\n ]+/, '')}\n`).join('---\n');
}

/** A value: on its line, or from a new line on, indented by `indent`. */
function node(value: unknown, indent: string): string {
  if (Array.isArray(value) && value.length > 0) {
    return value.map(item => `\n${indent}- ${node(item, `${indent}  `).trimStart()}`).join('');
  }
  if (isObject(value) && Object.keys(value).length > 0) {
    return Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => `\n${indent}${text(key)}:${behindKey(member, indent)}`)
      .join('');
  }
  return typeof value === 'string' ? string(value, indent) : JSON.stringify(value ?? null);
}

/** Behind `key:`. Items of a list may stand as far left as its key. */
function behindKey(value: unknown, indent: string): string {
  const written = node(value, Array.isArray(value) ? indent : `${indent}  `);
  return written.startsWith('\n') ? written : ` ${written}`;
}

function string(value: string, indent: string): string {
  const isBlock = value.includes('\n') && !/^[\s]|[ \t]\n|[ \t]$/.test(value) && !UNPRINTABLE.test(value);
  if (!isBlock) {
    return text(value);
  }
  const end = /\n*$/.exec(value)?.[0].length ?? 0;
  const body = value.replace(/\n+$/, '').replace(/^(?=.)/gm, indent || '  ');
  return `|${end === 0 ? '-' : end === 1 ? '' : '+'}\n${body}${'\n'.repeat(Math.max(0, end - 1))}`;
}

function text(value: string): string {
  return PLAIN.test(value) && !WORDS.test(value) ? value : quoted(value);
}

function quoted(value: string): string {
  const hidden = new RegExp(UNPRINTABLE, 'g');
  return JSON.stringify(value).replace(
    hidden,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  );
}
