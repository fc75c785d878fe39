"""A dark window, as in a reading room: bright controls would blind for dark pictures."""

STYLE = """
QWidget { background: #1b1c1e; color: #d8d8d8; font-size: 13px; }
QPushButton {
    background: #2c2e31; border: 1px solid #45484d; border-radius: 4px; padding: 4px 10px;
}
QPushButton:hover { background: #36393d; }
QPushButton:checked { background: #20507a; border-color: #56b4e9; color: #ffffff; }
QPushButton:disabled { color: #6a6a6a; }
QLineEdit { background: #26282b; border: 1px solid #45484d; border-radius: 4px; padding: 3px 6px; }
QLineEdit:focus { border-color: #56b4e9; }
QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid #7a7d82; border-radius: 3px; }
QCheckBox::indicator:checked { background: #56b4e9; }
"""
