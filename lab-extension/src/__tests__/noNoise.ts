/** A warning or an error on the console fails the test that caused it. */
beforeEach(() => {
  for (const level of ['warn', 'error'] as const) {
    jest.spyOn(console, level).mockImplementation((...parts: unknown[]) => {
      noise.push(`console.${level}: ${parts.map(String).join(' ')}`);
    });
  }
});

afterEach(() => {
  const heard = noise.splice(0);
  jest.restoreAllMocks();
  expect(heard).toEqual([]);
});

const noise: string[] = [];
