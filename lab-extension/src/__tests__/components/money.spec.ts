import { nullTranslator } from '@jupyterlab/translation';
import {
  formatGpuHours,
  formatPart,
  formatRate,
  formatUsd,
  formatUsdOrUnknown
} from '../../components/money';

const trans = nullTranslator.load('windlass');

describe('money', () => {
  it.each([
    [0, '$0.00'],
    [0.0042, '$0.0042'],
    [0.00123456, '$0.0012'],
    [0.042, '$0.042'],
    [0.05, '$0.05'],
    [0.0999, '$0.10'],
    [0.5, '$0.50'],
    [1.27, '$1.27'],
    [12.3456, '$12.35'],
    [999.994, '$999.99'],
    [999.996, '$1,000'],
    [1284.4, '$1,284'],
    [78_000, '$78,000'],
    [-1.5, '−$1.50'],
    [0.0000001, '<$0.000001']
  ])('%d is %s', (usd, text) => {
    expect(formatUsd(usd)).toBe(text);
  });

  it('tells no amount above nothing as nothing', () => {
    for (let power = -12; power < 6; power++) {
      expect(formatUsd(3 * 10 ** power)).not.toMatch(/\$0(\.0*)?$/);
    }
  });

  it('says that it is not known, and no number', () => {
    const texts = [formatUsdOrUnknown, formatRate, formatGpuHours, formatPart].map(format =>
      format(null, trans)
    );
    expect(texts).toEqual(['unknown', 'unknown', 'unknown', 'unknown']);
  });

  it('tells little as little, not as none', () => {
    expect(formatGpuHours(0.001, trans)).toBe('<0.01');
    expect(formatPart(0.001, trans)).toBe('<1 %');
    expect(formatGpuHours(0, trans)).toBe('0');
    expect(formatPart(0, trans)).toBe('0 %');
  });
});
