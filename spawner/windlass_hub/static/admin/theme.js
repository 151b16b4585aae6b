/**
 * Light or dark as the hub's own pages are: the same choice, kept in the same place. A classic script, so that it runs
 * before the first paint.
 */
(() => {
  const KEPT = 'jupyterhub-bs-theme';
  const system = window.matchMedia('(prefers-color-scheme: dark)');

  const kept = () => {
    try {
      return localStorage.getItem(KEPT);
    } catch {
      return null;
    }
  };
  const apply = () => {
    const chosen = kept();
    const theme = chosen === 'light' || chosen === 'dark' ? chosen : system.matches ? 'dark' : 'light';
    document.documentElement.setAttribute('data-bs-theme', theme);
  };

  apply();
  system.addEventListener('change', apply);
  document.addEventListener('DOMContentLoaded', () => {
    document.getElementById('theme-toggle')?.addEventListener('click', () => {
      const dark = document.documentElement.getAttribute('data-bs-theme') === 'dark';
      try {
        localStorage.setItem(KEPT, dark ? 'light' : 'dark');
      } catch {
        // Kept nowhere, it holds for this page.
      }
      document.documentElement.setAttribute('data-bs-theme', dark ? 'light' : 'dark');
    });
  });
})();
