// Loads plotly.js, once for the page, as soon as the page knows that it will draw: the server is still at work then.

window.lossnavPlotly ??= (() => {
  let loading;
  return (address) => {
    loading ??= new Promise((resolve, reject) => {
      const script = Object.assign(document.createElement("script"), { src: address });
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => {
        loading = undefined; // the next draw tries again
        reject(new Error("The drawing library did not load: reload the page."));
      };
      document.head.append(script);
    });
    return loading;
  };
})();
