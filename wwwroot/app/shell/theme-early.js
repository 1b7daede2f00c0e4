// Runs before the first paint, so that the chosen theme doesn't flash in late. Not a module: those run after it.
{
  const chosen = localStorage.getItem('theme');
  if (chosen === 'light' || chosen === 'dark')
    document.documentElement.dataset.theme = chosen;
}
