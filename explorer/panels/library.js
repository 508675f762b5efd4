// plotly.js, once for the page: the page's own head has it run early (preload.py); where that failed, it is fetched again.

window.lossnavPlotly ??= (() => {
  let loading;
  return (address) => {
    loading ??= new Promise((resolve, reject) => {
      if (window.Plotly) return resolve(window.Plotly);
      const early = [...document.scripts].find((script) => script.getAttribute("src") === address);
      const script = early ?? Object.assign(document.createElement("script"), { src: address });
      script.addEventListener("load", () => resolve(window.Plotly));
      script.addEventListener("error", () => {
        loading = undefined; // the next draw tries again
        reject(new Error("The drawing library did not load: reload the page."));
      });
      if (!early) document.head.append(script);
    });
    return loading;
  };
})();
