/**
 * A notebook parameter between its Python value and what stands in a form field.
 *
 * A field that was not touched is not sent: the notebook's own default counts, as it is written there. Pure.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { JsonValue, ParameterField } from '../api/types';

/** What stands in a field: text, or whether a box is ticked. */
export type FieldValue = string | boolean;

/** How a parameter is edited. */
export type ParameterControl = 'checkbox' | 'line' | 'number' | 'text' | 'json';

/** The value of a field, or why there is none. */
export type ParsedParameter =
  | { readonly value: JsonValue; readonly problem?: undefined }
  | { readonly value?: undefined; readonly problem: string };

/** Which control a parameter gets. */
export function controlOf(field: ParameterField): ParameterControl {
  switch (field.type) {
    case 'bool':
      return 'checkbox';
    case 'int':
    case 'float':
      return 'number';
    case 'str':
      return typeof field.value === 'string' && field.value.includes('\n') ? 'text' : 'line';
    case 'list':
    case 'dict':
      return 'json';
    default:
      return 'line';
  }
}

/** What stands in the field of a parameter that was not touched. */
export function initialValue(field: ParameterField): FieldValue {
  return toFieldValue(field, (field.default ?? null) as JsonValue);
}

/** A value as it stands in the field. */
export function toFieldValue(field: ParameterField, value: JsonValue): FieldValue {
  if (field.type === 'bool') {
    return value === true;
  }
  if (typeof value === 'string') {
    return value;
  }
  return value === null ? '' : JSON.stringify(value);
}

/** Read a field that was touched. */
export function parseParameter(
  field: ParameterField,
  entered: FieldValue,
  trans: TranslationBundle
): ParsedParameter {
  if (typeof entered === 'boolean') {
    return { value: entered };
  }
  switch (field.type) {
    case 'str':
      return { value: entered };
    case 'int':
      return parseInteger(entered, trans);
    case 'float':
      return parseFloatingPoint(entered, trans);
    case 'list':
    case 'dict':
      return parseContainer(field.type, entered, trans);
    default:
      return { value: parseLoosely(entered) };
  }
}

/** Digits as Python takes them, `1_000` too. */
function digits(entered: string): string {
  return entered.trim().replace(/(?<=\d)_(?=\d)/g, '');
}

function parseInteger(entered: string, trans: TranslationBundle): ParsedParameter {
  const text = digits(entered);
  if (!/^[+-]?\d+$/.test(text)) {
    return { problem: trans.__('Enter a whole number.') };
  }
  const value = Number(text);
  return Number.isSafeInteger(value)
    ? { value }
    : { problem: trans.__('This number is too large to be sent exactly.') };
}

function parseFloatingPoint(entered: string, trans: TranslationBundle): ParsedParameter {
  const text = digits(entered);
  const value = Number(text);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || !Number.isFinite(value)) {
    return { problem: trans.__('Enter a number, such as 0.001 or 1e-3.') };
  }
  return { value };
}

function parseContainer(type: 'list' | 'dict', entered: string, trans: TranslationBundle): ParsedParameter {
  let value: JsonValue;
  try {
    value = JSON.parse(entered) as JsonValue;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { problem: trans.__('This is not JSON: %1', reason) };
  }
  const isList = Array.isArray(value);
  const isDict = !isList && typeof value === 'object' && value !== null;
  if (type === 'list' && !isList) {
    return { problem: trans.__('Enter a list, such as [1, 2, 3].') };
  }
  if (type === 'dict' && !isDict) {
    return { problem: trans.__('Enter an object, such as {"key": 1}.') };
  }
  return { value };
}

/** For a parameter whose type cannot be told: JSON when it is JSON, else text; nothing is None. */
function parseLoosely(entered: string): JsonValue {
  const text = entered.trim();
  if (text === '') {
    return null;
  }
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return entered;
  }
}
