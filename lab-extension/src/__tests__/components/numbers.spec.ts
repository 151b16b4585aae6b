import { formatNumber } from '../../components/numbers';

describe('numbers', () => {
  it.each([
    [0.123456789, '0.123457'],
    [3, '3'],
    [1e-7, '1e-7'],
    [1.5e-9, '1.5e-9'],
    [12345678.9, '1.23457e+7'],
    [0, '0'],
    [NaN, 'NaN']
  ])('%s is shown as %s', (value, text) => expect(formatNumber(value)).toBe(text));
});
