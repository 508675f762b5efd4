"""The server's settings are ours: a folder that is looked at configures nothing."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def read_no_settings_of_the_folder() -> None:
    """Have Streamlit take none from the folder that the server is started in, which may be somebody else's.

    Streamlit (1.67, `config.get_config_files`) reads `.streamlit/config.toml` and `secrets.toml` there, and at every
    connection asks which folder that is, which fails where it has been removed. A person's own, in their home folder, are
    read as before. To be called before anything asks for an option; a second call changes nothing.
    """
    from streamlit import file_util

    def ours(*names: str) -> str:
        return str(HERE.joinpath(file_util.CONFIG_FOLDER_NAME, *names))

    file_util.get_project_streamlit_file_path = ours
